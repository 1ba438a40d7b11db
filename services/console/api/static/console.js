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
})();
