// Keys, and what a page does beyond reading. Every page works without this file.
(() => {
  "use strict";
  const OFF = "ringback-keys-off";
  const LEAD_MS = 1500;
  const panel = document.getElementById("keys");
  let leadUntil = 0;

  const stored = (name) => {
    try { return localStorage.getItem(name); } catch { return null; }
  };
  const isTyping = (target) =>
    target instanceof Element && target.closest("input, select, textarea, [contenteditable]") !== null;

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.key === "?" && panel) {
      panel.togglePopover();
      event.preventDefault();
      return;
    }
    if (stored(OFF) === "1") return;
    if (event.key === "g") {
      leadUntil = Date.now() + LEAD_MS;
      return;
    }
    if (Date.now() < leadUntil) {
      leadUntil = 0;
      const link = document.querySelector(`.menu a[data-key="${CSS.escape(event.key)}"]`);
      if (link) {
        event.preventDefault();
        link.click();
      }
    }
  });

  // Escape closes a formula that is shown by hovering or by focus; it comes back with the next one.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.body.dataset.tips = "off";
  });
  for (const kind of ["pointerover", "focusin"]) {
    document.addEventListener(kind, (event) => {
      if (event.target instanceof Element && event.target.closest(".term")) delete document.body.dataset.tips;
    });
  }

  const box = document.getElementById("keys-off");
  if (box) {
    box.checked = stored(OFF) === "1";
    box.closest("label").hidden = false;
    box.addEventListener("change", () => {
      try { localStorage.setItem(OFF, box.checked ? "1" : "0"); } catch { /* a browser that keeps nothing */ }
    });
  }

  // A double click sends a form once.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent === "1") {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  });
  // The browser's way back shows the page as it was left.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
    }
  });

  // What was typed into a form whose session had ended stands in it again; nobody sends it but the person.
  const input = document.getElementById("input");
  const fields = (form) => [...form.elements].filter((each) => each.name);
  const isTyped = (field) => !["hidden", "password", "file", "submit", "button"].includes(field.type);
  const fill = (form, sent) => {
    for (const field of fields(form).filter(isTyped)) {
      const texts = sent.get(field.name) ?? [];
      if (field.type === "checkbox" || field.type === "radio") field.checked = texts.includes(field.value);
      else if (field.multiple) for (const each of field.options) each.selected = texts.includes(each.value);
      else if (texts.length) field.value = texts.shift();
      field.setAttribute("aria-describedby", `input-said ${field.getAttribute("aria-describedby") ?? ""}`.trim());
    }
  };
  const show = (form) => {
    const around = form.closest("details, dialog, [popover]");
    if (around?.matches("details")) around.open = true;
    else if (around?.matches("dialog")) around.showModal();
    else around?.showPopover();
    (fields(form).find(isTyped) ?? form.querySelector("button"))?.focus();
  };
  if (input) {
    const sent = new Map();
    for (const [name, text] of JSON.parse(input.dataset.texts)) sent.set(name, [...(sent.get(name) ?? []), text]);
    const alike = (form) => fields(form).filter((each) => each.type === "hidden" && sent.get(each.name)?.includes(each.value));
    const [form] = [...document.querySelectorAll("form[method=post]")]
      .filter((each) => new URL(each.getAttribute("action") ?? "", location.href).pathname === input.dataset.action)
      // Of forms that differ in what they are for, the one that is for the same.
      .sort((one, other) => alike(other).length - alike(one).length);
    if (form) {
      input.querySelector("ul").hidden = true;
      fill(form, sent);
      show(form);
    }
  }
})();
