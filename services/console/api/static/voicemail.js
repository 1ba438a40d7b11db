// A voice message that somebody listens to is marked as heard. Without this file there is a button for it.
(() => {
  "use strict";
  const ENOUGH_S = 3;
  let told = "";
  document.addEventListener("timeupdate", (event) => {
    const audio = event.target, form = document.getElementById("hearing");
    if (!form || !(audio instanceof HTMLAudioElement) || audio.paused && !audio.ended) return;
    // Of a very short one half is enough.
    const enough = Math.min(ENOUGH_S, Number.isFinite(audio.duration) ? audio.duration / 2 : ENOUGH_S);
    if (audio.currentTime < enough || told === form.action) return;
    told = form.action;
    form.requestSubmit();
  }, true);
})();
