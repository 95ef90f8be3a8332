// Closes the phone's menu at Esc or at a press outside; <details> does the rest by itself.
document.addEventListener("click", function (event) {
  document.querySelectorAll("details[data-lbc-menu][open]").forEach(function (menu) {
    if (!menu.contains(event.target)) menu.open = false;
  });
});
document.addEventListener("keydown", function (event) {
  if (event.key !== "Escape") return;
  document.querySelectorAll("details[data-lbc-menu][open]").forEach(function (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  });
});
