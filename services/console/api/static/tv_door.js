// The code that a link has after its #: it reaches no server's log, and leaves the address bar at once.
(() => {
  "use strict";
  const field = document.getElementById("code");
  if (location.hash.length > 1) field.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  if (field.value) document.querySelector("form button.main").focus();
})();
