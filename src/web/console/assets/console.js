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

  // What should move by itself and hears nothing says so, until it hears something again. The server is heard every 15 s.
  const SILENT_MS = 40_000;
  const place = document.getElementById('stale');
  const notice = document.getElementById('stale-notice');
  const silent = new Set();
  let silence;
  const is = (part, quiet) => {
    if (quiet) silent.add(part);
    else silent.delete(part);
    if (silent.size === 0) place.replaceChildren();
    else if (!place.hasChildNodes()) place.append(notice.content.cloneNode(true));
  };
  const hears = (quiet) => {
    clearTimeout(silence);
    is('stream', quiet);
  };
  const heard = () => {
    hears(false);
    silence = setTimeout(() => hears(true), SILENT_MS);
  };
  if (document.querySelector('[sse-connect]')) heard();
  document.addEventListener('htmx:sseOpen', ({ detail: { source } }) => {
    heard();
    for (const event of ['beat', 'progress']) source.addEventListener(event, heard);
  });
  document.addEventListener('htmx:sseError', () => hears(true));
  document.addEventListener('htmx:sseClose', () => hears(false));
  // Parts that are asked for again and again are known by their addresses: each answer is a new element.
  const isAsked = ({ detail: { requestConfig } }) => requestConfig.verb === 'get';
  for (const failure of ['htmx:sendError', 'htmx:timeout'])
    document.addEventListener(failure, (event) => {
      if (isAsked(event)) is(event.detail.requestConfig.path, true);
    });
  document.addEventListener('htmx:beforeSwap', (event) => {
    if (!isAsked(event)) return;
    const failed = event.detail.xhr.status >= 400;
    is(event.detail.requestConfig.path, failed);
    // A page that says what went wrong is no part of this one.
    if (failed) event.detail.shouldSwap = false;
  });
})();
