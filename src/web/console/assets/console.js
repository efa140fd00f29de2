/* What every page has: nothing here is needed to read a page or to send a form. */
(() => {
  // A form is sent once, however often its button is pressed.
  document.addEventListener('submit', ({ target, defaultPrevented }) => {
    if (defaultPrevented || target.hasAttribute('hx-post')) return;
    if (target.dataset.sent) return;
    target.dataset.sent = 'true';
    setTimeout(() => {
      for (const button of target.querySelectorAll('button[type=submit]')) button.disabled = true;
    });
  });
  // Coming back to a page, its forms can be sent again.
  window.addEventListener('pageshow', () => {
    for (const form of document.querySelectorAll('form[data-sent]')) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll('button[type=submit]')) button.disabled = false;
    }
  });
  // The first wrong field, or what went wrong, is where the reader is taken.
  document.querySelector('[aria-invalid=true]')?.focus();
  // Parts that say the same as before stay as they are: whatever is open or typed there, too.
  document.addEventListener('htmx:oobBeforeSwap', (event) => {
    const { target, fragment } = event.detail;
    const key = fragment.firstElementChild?.dataset.key;
    if (key !== undefined && key === target.dataset.key) event.preventDefault();
  });
})();
