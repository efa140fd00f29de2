/* Writing: counts characters, fills in known cases, and saves one thing at a time. The page works without it. */
(() => {
  const form = document.querySelector('#draft');
  if (!form) return;
  const saved = document.querySelector('#saved');
  const unsaved = document.querySelector('#unsaved');
  for (const element of form.querySelectorAll('[data-without-script]')) element.hidden = true;

  // How much of a field is used.
  form.addEventListener('input', ({ target }) => {
    const used = [...form.querySelectorAll('[data-used-of]')].find(
      (one) => one.dataset.usedOf === target.name,
    );
    if (!used) return;
    const length = [...target.value.trim()].length;
    used.textContent = `${length} / ${used.dataset.max}`;
    used.classList.toggle('over', length > Number(used.dataset.max));
  });

  // A case that is known has a title.
  const { caseReference, caseTitle, template } = form.elements;
  caseReference.addEventListener('change', () => {
    const known = [...caseReference.list.options].find(({ value }) => value === caseReference.value.trim());
    if (!known || caseTitle.value !== '') return;
    caseTitle.value = known.label;
    caseTitle.dispatchEvent(new Event('input', { bubbles: true }));
  });
  template?.addEventListener('change', () => form.requestSubmit(form.querySelector('#use-template')));

  // Whoever leaves is asked when what they wrote is nowhere yet. A save that is under way is waited for: what follows goes on from it.
  let edits = 0;
  let keptEdits = 0;
  let asked = 0;
  let saving = false;
  let leaving = false;
  let next;
  form.addEventListener('input', () => {
    edits += 1;
  });
  saved.addEventListener('htmx:beforeRequest', (event) => {
    // It is being sent as a whole: saving it once more would make a second one.
    if (leaving) return event.preventDefault();
    saving = true;
    asked = edits;
  });
  saved.addEventListener('htmx:afterRequest', ({ detail }) => {
    saving = false;
    unsaved.hidden = detail.successful;
    if (detail.successful && saved.querySelector('[data-saved]')) keptEdits = asked;
    if (next) form.requestSubmit(next);
    next = undefined;
  });
  form.addEventListener('submit', (event) => {
    leaving = !saving;
    if (!saving) return;
    event.preventDefault();
    next = event.submitter;
  });
  window.addEventListener('beforeunload', (event) => {
    if (edits !== keptEdits && !leaving) event.preventDefault();
  });
  window.addEventListener('pageshow', () => {
    leaving = false;
  });

  // Pages that say what went wrong are not parts of this one.
  document.addEventListener('htmx:beforeSwap', ({ detail }) => {
    if (detail.xhr.status >= 400) detail.shouldSwap = false;
  });
})();
