// A submit button with data-lbc-confirm asks first, in a dialog. Without script (or in a browser that has no
// <dialog>) the form goes to the server, whose own page asks.
document.addEventListener("click", function (event) {
  var button = event.target.closest("button[data-lbc-confirm]");
  if (!button || button.dataset.lbcSure || typeof HTMLDialogElement === "undefined") return;
  event.preventDefault();
  var dialog = document.createElement("dialog");
  var title = document.createElement("h3");
  title.textContent = button.dataset.lbcConfirm;
  title.id = "lbc-confirm-title";
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.append(title);
  if (button.dataset.lbcConfirmText) {
    var text = document.createElement("p");
    text.textContent = button.dataset.lbcConfirmText;
    dialog.append(text);
  }
  var acts = document.createElement("div");
  acts.className = "dialog-act";
  var no = document.createElement("button");
  no.type = "button";
  no.className = "btn btn-quiet";
  no.textContent = button.dataset.lbcCancel || "先不做";
  var yes = document.createElement("button");
  yes.type = "button";
  yes.className = button.classList.contains("btn-danger") ? "btn btn-danger" : "btn btn-primary";
  yes.textContent = button.textContent.trim();
  acts.append(no, yes);
  dialog.append(acts);
  document.body.append(dialog);
  no.addEventListener("click", function () { dialog.close(); });
  yes.addEventListener("click", function () {
    button.dataset.lbcSure = "1";
    dialog.close();
    button.click();
    delete button.dataset.lbcSure;
  });
  dialog.addEventListener("close", function () {
    dialog.remove();
    button.focus();
  });
  dialog.showModal();
});
