/* Fills in forms with data-passkey: asks the server for a question, the browser's passkey for the answer, and sends it. */
(() => {
  const { browserSupportsWebAuthn, startAuthentication, startRegistration } = SimpleWebAuthnBrowser;
  if (!browserSupportsWebAuthn()) return;

  const answerOf = async (form) => {
    const asked = await fetch(form.dataset.ask, {
      method: 'POST',
      headers: { 'x-csrf-token': form.elements._csrf.value },
    });
    if (!asked.ok) throw new Error(`asked for nothing: ${asked.status}`);
    const optionsJSON = await asked.json();
    return form.dataset.passkey === 'create'
      ? startRegistration({ optionsJSON })
      : startAuthentication({ optionsJSON });
  };

  for (const form of document.querySelectorAll('form[data-passkey]')) {
    const button = form.querySelector('button');
    const problem = form.querySelector('[role=alert].error');
    button.hidden = false;
    form.addEventListener('submit', async (event) => {
      if (form.elements.answer.value) return;
      event.preventDefault();
      button.disabled = true;
      problem.hidden = true;
      try {
        form.elements.answer.value = JSON.stringify(await answerOf(form));
        form.submit();
      } catch {
        problem.textContent = form.dataset.failed;
        problem.hidden = false;
        button.disabled = false;
      }
    });
  }
})();
