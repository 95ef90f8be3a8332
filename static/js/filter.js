// Filter boxes send themselves when a choice or a day changes. Words wait for Enter, and Enter that only
// confirms Chinese characters in the input method is left alone.
document.addEventListener("change", function (event) {
  var field = event.target;
  var form = field.form;
  if (!form || !form.hasAttribute("data-lbc-filter")) return;
  if (field.matches("select, input[type=date], input[type=month], input[type=radio], input[type=checkbox]")) {
    if (field.type === "date" && field.value && field.value < "1900") return;
    form.requestSubmit ? form.requestSubmit() : form.submit();
  }
});
document.addEventListener("keydown", function (event) {
  if (event.key === "Enter" && (event.isComposing || event.keyCode === 229)) event.preventDefault();
});

// Tick all of a page, and count what is ticked.
function count(name) {
  var boxes = document.querySelectorAll('input[type=checkbox][name="' + name + '"]');
  var ticked = Array.prototype.filter.call(boxes, function (box) { return box.checked; }).length;
  document.querySelectorAll('[data-lbc-picked="' + name + '"]').forEach(function (place) {
    place.textContent = "已选 " + ticked + " 个";
  });
  document.querySelectorAll('[data-lbc-all="' + name + '"]').forEach(function (all) {
    all.checked = boxes.length > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  });
  Array.prototype.forEach.call(boxes, function (box) {
    var row = box.closest("tr");
    if (row) row.classList.toggle("picked", box.checked);
  });
}
document.addEventListener("change", function (event) {
  var box = event.target;
  if (box.type !== "checkbox") return;
  if (box.dataset.lbcAll) {
    document.querySelectorAll('input[type=checkbox][name="' + box.dataset.lbcAll + '"]').forEach(function (other) {
      if (!other.disabled) other.checked = box.checked;
    });
    count(box.dataset.lbcAll);
  } else if (document.querySelector('[data-lbc-all="' + box.name + '"], [data-lbc-picked="' + box.name + '"]')) {
    count(box.name);
  }
});
