// Draws [data-lbc-chart="ID"] from the JSON in <script type="application/json" id="ID">; kinds in docs/look.md.
// Colors come from the CSS tokens. SVG and rich-text tips only: ECharts' HTML tips break the content policy.
(function () {
  var css = getComputedStyle(document.documentElement);
  function token(name) { return css.getPropertyValue("--" + name).trim(); }
  var font = getComputedStyle(document.body).fontFamily;
  var ink = token("ink"), soft = token("ink-2"), line = token("line");
  var series = [token("series-1"), token("series-2")];
  var states = {
    met: ["已完成", token("met-mark")], met_late: ["补录", token("late-mark")],
    excused: ["已豁免", token("excused-mark")], missed: ["未完成", token("missed-mark")],
    upcoming: ["未到期", token("upcoming-mark")]
  };
  var steps = ["#c9dae8", "#89abc9", "#4a7ba8", "#1f4a73"];
  var words = { fontFamily: font, fontSize: 15, color: soft };

  function axis(more) {
    return Object.assign({
      axisLabel: words, nameTextStyle: words, axisTick: { show: false },
      axisLine: { lineStyle: { color: line } }, splitLine: { lineStyle: { color: line } }
    }, more);
  }
  function tip(more) {
    return Object.assign({
      renderMode: "richText", backgroundColor: token("indigo-900"), borderWidth: 0, padding: 10, confine: true,
      textStyle: { fontFamily: font, fontSize: 15, color: "#fff" }
    }, more);
  }
  function unit(spec) { return function (value) { return value === null || value === undefined ? "没有" : value + (spec.unit || ""); }; }

  var draw = {
    line: function (spec) {
      var parts = [];
      // Two lines that end close together: their names move apart.
      var ends2 = spec.series.slice(0, 2).map(function (one) { return one.values[one.values.length - 1]; });
      var range = (spec.unit === "%" ? 100 : Math.max.apply(null, ends2)) - (spec.from || 0);
      var close = ends2.length === 2 && Math.abs(ends2[0] - ends2[1]) < range * 0.1;
      spec.series.slice(0, 2).forEach(function (one, i) {
        var shape = { symbol: i ? "rect" : "circle", symbolSize: 8, itemStyle: { color: series[i] } };
        var from = one.dashed_from;
        var solid = one.values.map(function (v, at) { return from === undefined || at <= from ? v : null; });
        var label = {
          show: true, distance: 8, formatter: one.name, offset: [0, close ? (ends2[i] >= ends2[1 - i] ? -8 : 10) : 0], color: series[i],
          fontFamily: font, fontSize: 15, fontWeight: 700
        };
        var ends = from !== undefined && from < one.values.length - 1;
        parts.push(Object.assign({
          type: "line", name: one.name, data: solid, lineStyle: { width: 3, color: series[i] },
          endLabel: ends ? { show: false } : label
        }, shape));
        if (ends) {
          parts.push(Object.assign({
            type: "line", name: one.name + "（还没过完）",
            data: one.values.map(function (v, at) { return at >= from ? v : null; }),
            lineStyle: { width: 3, color: series[i], type: "dashed" }, endLabel: label
          }, shape));
        }
      });
      return {
        grid: { left: 8, right: 96, top: 16, bottom: 8, containLabel: true },
        tooltip: tip({
          trigger: "axis",
          formatter: function (points) {
            var said = {};
            points.forEach(function (point) {
              if (point.value !== null && point.value !== undefined) said[point.seriesName.replace("（还没过完）", "")] = point.value;
            });
            return points[0].axisValue + Object.keys(said).map(function (name) {
              return "\n" + name + " " + said[name] + (spec.unit || "");
            }).join("");
          }
        }),
        xAxis: axis({ type: "category", data: spec.x, splitLine: { show: false } }),
        yAxis: axis({ type: "value", min: spec.from || 0, max: spec.unit === "%" ? 100 : undefined, splitNumber: 3, minInterval: 1, interval: spec.unit === "%" ? (100 - (spec.from || 0)) / (spec.from === 50 ? 2 : 4) : undefined }),
        series: parts
      };
    },
    // Lying bars: names of places are too long to stand side by side on a phone. One finger's height each.
    bar: function (spec, place) {
      place.style.height = spec.x.length * 34 + 16 + "px";
      var wide = Math.min(200, Math.max(112, Math.round(place.clientWidth * 0.36)));
      return {
        grid: { left: 8, right: 56, top: 4, bottom: 4, containLabel: true },
        tooltip: tip({ trigger: "axis", axisPointer: { type: "none" }, valueFormatter: unit(spec) }),
        xAxis: axis({ type: "value", show: false, minInterval: 1 }),
        yAxis: axis({
          type: "category", data: spec.x, inverse: true, splitLine: { show: false }, axisLine: { show: false },
          axisLabel: Object.assign({ interval: 0, width: wide, overflow: "break", lineHeight: 16 }, words, { color: ink })
        }),
        series: spec.series.slice(0, 1).map(function (one) {
          return {
            type: "bar", name: one.name, data: one.values, barMaxWidth: 20, itemStyle: { color: series[0], borderRadius: [0, 3, 3, 0] },
            label: { show: true, position: "right", formatter: "{c}" + (spec.unit ? " " + spec.unit : ""), fontFamily: font, fontSize: 15, color: ink }
          };
        })
      };
    },
    stack: function (spec) {
      return {
        grid: { left: 8, right: 16, top: 40, bottom: 8, containLabel: true },
        legend: { top: 0, left: 0, textStyle: words, selectedMode: false, itemWidth: 14, itemHeight: 14 },
        tooltip: tip({ trigger: "axis", axisPointer: { type: "none" }, valueFormatter: unit(spec) }),
        xAxis: axis({ type: "value", minInterval: 1, splitNumber: 4 }),
        yAxis: axis({ type: "category", data: spec.x, inverse: true, splitLine: { show: false } }),
        series: spec.series.map(function (one) {
          return {
            type: "bar", stack: "all", name: states[one.state][0], data: one.values, barMaxWidth: 18,
            itemStyle: { color: states[one.state][1] }
          };
        })
      };
    },
    // The common build has no heat map; squares of a scatter do the same, in four steps of indigo.
    heat: function (spec, place) {
      var most = 1;
      spec.series[0].values.forEach(function (cell) { if (cell[2] !== null) most = Math.max(most, cell[2]); });
      var points = spec.series[0].values.map(function (cell) {
        var open = cell[2] !== null;
        return {
          value: cell,
          itemStyle: open ? { color: steps[Math.min(3, Math.floor(cell[2] / most * 3.999))] }
            : { color: "#fff", borderColor: token("line-strong"), borderWidth: 1.5 }
        };
      });
      return {
        grid: { left: 8, right: 8, top: 8, bottom: 8, containLabel: true },
        tooltip: tip({
          formatter: function (point) {
            return spec.x[point.value[0]] + " 星期" + spec.y[point.value[1]] + "\n" +
              (point.value[2] === null ? "没有开" : point.value[2] + (spec.unit || " 人"));
          }
        }),
        xAxis: axis({ type: "category", data: spec.x, splitLine: { show: false }, axisLine: { show: false }, axisLabel: Object.assign({ hideOverlap: true }, words) }),
        yAxis: axis({ type: "category", data: spec.y, inverse: true, splitLine: { show: false }, axisLine: { show: false } }),
        series: [{
          type: "scatter", data: points, symbol: "roundRect",
          itemStyle: { opacity: 1 }, symbolSize: [Math.max(6, Math.min(30, (place.clientWidth - 64) / spec.x.length - 4)), 24]
        }]
      };
    },
    dots: function (spec) {
      var values = spec.series[0].values;
      var sorted = values.filter(function (v) { return v !== null; }).sort(function (a, b) { return a - b; });
      var median = sorted.length ? sorted[Math.floor(sorted.length / 2)] : null;
      // Points that would cover each other move up or down a little.
      var taken = {};
      var points = [];
      values.forEach(function (v, i) {
        if (v === null) return;
        var slot = Math.round(v / 2);
        taken[slot] = (taken[slot] || 0) + 1;
        var step = Math.floor(taken[slot] / 2) * (taken[slot] % 2 ? -1 : 1);
        points.push({
          value: [v, step], name: spec.x[i],
          itemStyle: { color: spec.goal !== undefined && v < spec.goal ? token("missed-mark") : token("series-1") }
        });
      });
      var marks = [];
      if (median !== null) marks.push({ xAxis: median, label: { formatter: "中间 " + median + (spec.unit || "") }, lineStyle: { color: ink, type: "solid" } });
      if (spec.goal !== undefined) marks.push({ xAxis: spec.goal, label: { formatter: spec.goal + (spec.unit || "") + " 线", distance: 24 }, lineStyle: { color: token("late-mark"), type: "dashed" } });
      return {
        grid: { left: 16, right: 24, top: 52, bottom: 8, containLabel: true },
        tooltip: tip({ formatter: function (point) { return point.name + " " + point.value[0] + (spec.unit || ""); } }),
        xAxis: axis({ type: "value", min: spec.from || 0, max: spec.unit === "%" ? 100 : undefined, splitNumber: 5 }),
        yAxis: axis({ type: "value", show: false, min: -8, max: 8 }),
        series: [{
          type: "scatter", data: points, symbolSize: 13,
          itemStyle: { borderColor: "#fff", borderWidth: 1, opacity: 1 },
          markLine: { symbol: "none", silent: true, lineStyle: { width: 2 }, label: { fontFamily: font, fontSize: 15, color: ink }, data: marks }
        }]
      };
    }
  };

  document.querySelectorAll("[data-lbc-chart]").forEach(function (place) {
    var data = document.getElementById(place.dataset.lbcChart);
    if (!data || !window.echarts) return;
    var spec = JSON.parse(data.textContent);
    var said = place.getAttribute("aria-label");
    var option = draw[spec.kind](spec, place); // may set the height, which init reads
    var chart = window.echarts.init(place, null, { renderer: "svg" });
    option.animation = false;
    option.aria = { enabled: true, label: { description: said } };
    chart.setOption(option);
    place.setAttribute("aria-label", said);
    var timer;
    window.addEventListener("resize", function () {
      clearTimeout(timer);
      timer = setTimeout(function () { chart.resize(); }, 150);
    });
    window.addEventListener("beforeprint", function () { chart.resize(); });
  });
})();
