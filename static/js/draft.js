// Saves what is being written on the server, one second after the last key: one encrypted draft per user and form.
// Nothing is ever kept in the browser. Form attributes: data-lbc-draft (name), data-lbc-draft-url (where).
// Protocol: POST key, body (JSON of the fields), version 1 -> {"saved": true}; GET ?key= -> {"body": "…"} or {"body": ""}.
document.querySelectorAll("form[data-lbc-draft][data-lbc-draft-url]").forEach(function (form) {
  var key = form.dataset.lbcDraft;
  var url = form.dataset.lbcDraftUrl;
  var note = form.querySelector("[data-lbc-draft-note]");
  var token = form.querySelector("input[name=csrfmiddlewaretoken]");
  var timer = null;
  var last = "";
  if (!token || !window.fetch) return;
  if (note) note.setAttribute("role", "status");

  function say(words) {
    if (note) note.textContent = words;
  }
  // Files, passwords and what belongs to this one sending stay out.
  function keeps(field) {
    return field.name && !/^(csrfmiddlewaretoken|submission|version)$/.test(field.name) &&
      !/^(password|file|submit|button|hidden)$/.test(field.type);
  }
  function body() {
    var values = {};
    Array.prototype.forEach.call(form.elements, function (field) {
      if (!keeps(field)) return;
      if (field.type === "checkbox" || field.type === "radio") {
        values[field.name] = values[field.name] || [];
        if (field.checked) values[field.name].push(field.value);
      } else if (field.tagName === "SELECT" && field.multiple) {
        values[field.name] = Array.prototype.map.call(field.selectedOptions, function (one) { return one.value; });
      } else {
        values[field.name] = [field.value];
      }
    });
    return JSON.stringify(values);
  }
  function fill(text) {
    var values = JSON.parse(text);
    Array.prototype.forEach.call(form.elements, function (field) {
      if (!keeps(field) || !(field.name in values)) return;
      var kept = values[field.name];
      if (field.type === "checkbox" || field.type === "radio") field.checked = kept.indexOf(field.value) >= 0;
      else if (field.tagName === "SELECT" && field.multiple) {
        Array.prototype.forEach.call(field.options, function (one) { one.selected = kept.indexOf(one.value) >= 0; });
      } else if (kept.length) field.value = kept[0];
    });
  }
  function save() {
    var now = body();
    if (now === last || form.dataset.lbcSent) return;
    var data = new URLSearchParams();
    data.set("key", key);
    data.set("body", now);
    fetch(url, {
      method: "POST",
      credentials: "same-origin",
      headers: { "X-CSRFToken": token.value, "X-Requested-With": "XMLHttpRequest", Accept: "application/json" },
      body: data
    }).then(function (answer) {
      if (answer.status === 401 || answer.redirected) throw new Error("signed out");
      return answer.json();
    }).then(function (answer) {
      if (answer.saved !== true) throw new Error("not saved");
      last = now;
      var time = new Date();
      say("草稿存好了，" + time.getHours() + ":" + ("0" + time.getMinutes()).slice(-2) + "。还没有提交");
    }).catch(function (problem) {
      say(problem.message === "signed out" ? "登录过期了，草稿没存上。请先另开一页登录，这一页别关" : "草稿没存上，写完请尽快保存");
    });
  }
  form.addEventListener("input", function () {
    clearTimeout(timer);
    timer = setTimeout(save, 1000);
  });
  form.addEventListener("submit", function () { clearTimeout(timer); });

  last = body();
  // A form that came back with errors holds newer words than the draft.
  if (form.querySelector("[aria-invalid=true]")) return;
  fetch(url + "?key=" + encodeURIComponent(key), {
    credentials: "same-origin",
    headers: { "X-Requested-With": "XMLHttpRequest", Accept: "application/json" }
  }).then(function (answer) {
    return answer.ok && !answer.redirected ? answer.json() : {};
  }).then(function (answer) {
    if (!answer.body || body() !== last) return;
    fill(answer.body);
    last = body();
    say("上次没写完的还在，已经放回来了");
  }).catch(function () {});
});
