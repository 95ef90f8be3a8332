// Shows the print button where there is script, and prints.
document.querySelectorAll("[data-lbc-print]").forEach(function (button) {
  button.hidden = false;
  button.addEventListener("click", function () { window.print(); });
});
