// A form with data-passkey asks the server what to sign, the passkey signs it, and the form carries the answer.
"use strict";

const canPasskey = globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON;
for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.hidden = !canPasskey;
  const fault = form.querySelector("[data-fault]"), isNew = form.dataset.kind === "create";
  const show = (text) => { fault.textContent = text || fault.dataset.fault; fault.hidden = false; };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    fault.hidden = true;
    try {
      const answer = await fetch(form.dataset.passkey, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      const asked = await answer.json();
      if (!answer.ok) return show(asked.fault);
      const options = isNew
        ? { publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked.publicKey) }
        : { publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.publicKey) };
      const credential = isNew ? await navigator.credentials.create(options) : await navigator.credentials.get(options);
      form.elements.credential.value = JSON.stringify(credential.toJSON());
      if (form.elements.password) form.elements.password.value = "";
      form.submit();
    } catch {  // what a browser says here is English, and written for programmers
      show();
    }
  });
}
