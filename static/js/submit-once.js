// A second press of the same button sends nothing. The server's submission number is what really counts.
document.addEventListener("submit", function (event) {
  var form = event.target;
  if ((form.getAttribute("method") || "").toLowerCase() !== "post" || event.defaultPrevented) return;
  if (form.dataset.lbcSent) {
    event.preventDefault();
    return;
  }
  form.dataset.lbcSent = "1";
  form.querySelectorAll("button[type=submit]").forEach(function (button) {
    button.setAttribute("aria-busy", "true");
  });
});
// Back to a page the browser kept: the buttons work again. A download leaves the page where it is.
window.addEventListener("pageshow", function () {
  document.querySelectorAll("form[data-lbc-sent]").forEach(function (form) {
    delete form.dataset.lbcSent;
  });
});
document.addEventListener("submit", function (event) {
  var form = event.target;
  if (!form.dataset.lbcSent) return;
  setTimeout(function () {
    delete form.dataset.lbcSent;
    form.querySelectorAll("[aria-busy]").forEach(function (button) {
      button.removeAttribute("aria-busy");
    });
  }, 8000);
});
