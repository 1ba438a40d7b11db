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
      return;
    }
    const button = document.querySelector(`[data-press="${CSS.escape(event.key)}"]`);
    if (button) {
      event.preventDefault();
      button.click();
    } else if (event.key === "j" || event.key === "k") {
      stepInRows(event.key === "j" ? 1 : -1);
    }
  });
  // From row to row, beginning with the one that is open.
  const stepInRows = (by) => {
    const rows = [...document.querySelectorAll("[data-row]")];
    const here = rows.findIndex((row) => row === document.activeElement);
    const open = rows.findIndex((row) => row.hasAttribute("aria-current"));
    const next = rows[(here < 0 ? open : here) + by] ?? (here < 0 ? rows[0] : undefined);
    next?.focus();
  };

  // Ctrl+Enter sends what is being written.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.ctrlKey && event.target instanceof HTMLTextAreaElement) {
      event.preventDefault();
      event.target.form.requestSubmit();
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
  const unlock = (form) => {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  };
  // The browser's way back shows the page as it was left; a form whose answer renews a part of the page stays in it.
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(unlock));
  document.addEventListener("htmx:finally:request", (event) => {
    const form = event.detail.ctx.sourceElement;
    if (form instanceof HTMLFormElement) unlock(form);
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
