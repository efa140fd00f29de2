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

  // What should move by itself and hears nothing says so, until it hears something again.
  const SILENT_MS = 40_000; // the server is heard every 15 s
  const stale = document.getElementById('stale');
  let silence;
  const quiet = () => {
    clearTimeout(silence);
    if (stale) stale.hidden = false;
  };
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(quiet, SILENT_MS);
    if (stale) stale.hidden = true;
  };
  document.addEventListener('htmx:sseOpen', ({ detail: { source } }) => {
    heard();
    for (const event of ['beat', 'progress']) source.addEventListener(event, heard);
  });
  document.addEventListener('htmx:sseError', quiet);
  document.addEventListener('htmx:sseClose', () => clearTimeout(silence));
  document.addEventListener('htmx:beforeSwap', ({ detail }) => {
    if (detail.requestConfig.verb !== 'get') return;
    if (stale) stale.hidden = detail.xhr.status < 400;
    // A page that says what went wrong is no part of this one.
    if (detail.xhr.status >= 400) detail.shouldSwap = false;
  });
  document.addEventListener('htmx:sendError', quiet);
})();
