/* Draws each chart from the table under it, so that both always say the same. Without JavaScript the table remains. */
(function () {
  "use strict";

  const lang = document.documentElement.lang;
  const css = getComputedStyle(document.documentElement);
  const colour = (name) => css.getPropertyValue("--" + name).trim();
  const number = (digits) => new Intl.NumberFormat(lang, { maximumFractionDigits: digits });
  const COVER_PX = 10; // height of the coverage band under the curve

  const read = (table) => {
    const rows = Array.from(table.tBodies[0].rows);
    const column = (name) => rows.map((row) => {
      const cell = row.querySelector('[data-name="' + name + '"]');
      return cell && cell.dataset.v !== "" ? Number(cell.dataset.v) : null;
    });
    return {
      start: rows.map((row) => Number(row.dataset.start)),
      end: rows.map((row) => Number(row.dataset.end)),
      column: column,
    };
  };

  /* Two points a bin, at its borders: a bin next to a gap keeps its width. */
  const twice = (values) => values.flatMap((value) => [value, value]);
  const borders = (data) => data.start.flatMap((start, i) => [start, data.end[i] - (data.end[i] - start) / 1000]);

  const hatch = (ctx, ratio) => {
    const tile = document.createElement("canvas");
    const size = Math.round(7 * ratio);
    tile.width = tile.height = size;
    const pen = tile.getContext("2d");
    pen.strokeStyle = colour("gap");
    pen.lineWidth = ratio;
    pen.beginPath();
    pen.moveTo(0, size); pen.lineTo(size, 0);
    pen.moveTo(-size / 2, size / 2); pen.lineTo(size / 2, -size / 2);
    pen.moveTo(size / 2, size * 1.5); pen.lineTo(size * 1.5, size / 2);
    pen.stroke();
    return ctx.createPattern(tile, "repeat");
  };

  /* Behind the curve: hatching where nothing was observed. Under it: how much of each bin was. */
  const ground = (data, coverage, known) => (u) => {
    const ctx = u.ctx, box = u.bbox, ratio = window.devicePixelRatio || 1, band = COVER_PX * ratio;
    const pattern = hatch(ctx, ratio);
    ctx.save();
    ctx.beginPath();
    ctx.rect(box.left, box.top, box.width, box.height);
    ctx.clip();
    data.start.forEach((start, i) => {
      const left = u.valToPos(start, "x", true), right = u.valToPos(data.end[i], "x", true);
      if (known[i] === null) {
        ctx.fillStyle = pattern;
        ctx.fillRect(left, box.top, right - left, box.height - band);
      }
      const share = coverage[i] || 0;
      if (share > 0) {
        ctx.fillStyle = colour("cover");
        ctx.globalAlpha = share >= 0.9 ? 1 : 0.55;
        const height = Math.max(ratio, band * 0.8 * share);
        ctx.fillRect(left, box.top + box.height - height, right - left, height);
        ctx.globalAlpha = 1;
      }
    });
    ctx.restore();
  };

  const clock = (tz, withSeconds) => new Intl.DateTimeFormat(lang, {
    timeZone: tz, hour: "2-digit", minute: "2-digit", second: withSeconds ? "2-digit" : undefined, hourCycle: "h23",
  });
  const day = (tz) => new Intl.DateTimeFormat(lang, { timeZone: tz, day: "numeric", month: "short" });

  const axes = (tz, step, signless) => {
    const fine = clock(tz, true), coarse = clock(tz, false), date = day(tz);
    const line = { stroke: colour("grid"), width: 1 };
    const font = "13px system-ui, sans-serif";
    const label = (u, splits) => {
      const span = u.scales.x.max - u.scales.x.min;
      let last = "";
      return splits.map((at) => {
        const when = new Date(at * 1000), today = date.format(when);
        if (step >= 82800) { return today; }
        const time = (span < 300 ? fine : coarse).format(when);
        const text = today === last || span < 43200 ? time : time + "\n" + today;
        last = today;
        return text;
      });
    };
    return [
      { stroke: colour("soft"), font: font, grid: line, ticks: line, values: label, space: 72, size: 50 },
      {
        stroke: colour("soft"), font: font, grid: line, ticks: line,
        size: (u, texts) => Math.max(u.width < 500 ? 40 : 52, 16 + 8 * Math.max(0, ...(texts || []).map((x) => (x || "").length))),
        values: (u, splits) => splits.map((v) => number(2).format(signless ? Math.abs(v) : v)),
      },
    ];
  };

  const show = (digits, sign) => (u, value) =>
    value === null || value === undefined ? "–" : number(digits).format(sign ? Math.abs(value) : value);

  const curve = (label, name, extra) => Object.assign({
    label: label, stroke: colour(name), width: 2, points: { show: false }, value: show(1),
  }, extra);

  const base = (figure, plot, data, tz) => {
    const step = data.end[0] - data.start[0];
    const span = data.end[data.end.length - 1] - data.start[0];
    const date = day(tz), time = clock(tz, step < 60);
    return {
      width: plot.clientWidth,
      height: plot.clientWidth < 500 ? 240 : 300,
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), tz),
      cursor: { y: false, drag: { x: true, y: false } },
      scales: { x: { time: true, range: (u, min, max) => [min, max] } },
      first: {
        label: figure.dataset.timeLabel,
        value: (u, at) => {
          if (at === null || at === undefined) { return "–"; }
          const last = data.end[data.end.length - 1];
          const start = new Date((at >= last ? at : data.start.findLast((s) => s <= at)) * 1000);
          return (span > 43200 || step >= 82800 ? date.format(start) + " " : "") +
            (step >= 82800 ? "" : time.format(start));
        },
      },
      padding: [10, plot.clientWidth < 500 ? 24 : 34, 0, 0],
      step: step,
    };
  };

  const occupancy = (figure, plot, data, tz) => {
    const o = base(figure, plot, data, tz), mean = data.column("mean"), peak = data.column("peak");
    const bays = Number(figure.dataset.bays) || 0;
    const top = Math.max(1, bays, ...mean.map((v) => v || 0), ...peak.map((v) => v || 0));
    const series = [
      o.first,
      {
        label: figure.dataset.meanLabel, stroke: colour("mean"), fill: colour("mean-fill"), width: 2,
        points: { show: false }, value: show(2),
      },
      {
        label: figure.dataset.peakLabel, stroke: colour("peak"), width: 1.5, dash: [5, 4],
        points: { show: false }, value: show(0),
      },
    ];
    const values = [borders(data), twice(mean), twice(peak)];
    if (bays) {
      series.push({
        label: figure.dataset.baysLabel, stroke: colour("ink"), width: 1, dash: [2, 4],
        points: { show: false }, value: show(0),
      });
      values.push(values[0].map(() => bays));
    }
    const ahead = figure.dataset.ahead ? read(document.getElementById(figure.dataset.ahead)) : null;
    let tallest = top;
    if (ahead && ahead.start.length) {
      /* What is to come stands behind what was, in lines of its own. */
      const none = values[0].map(() => null), later = ahead.start.map(() => null);
      const known = ["high", "low", "mid"].map((name) => ahead.column(name));
      values.slice(1).forEach((list, i) => { values[i + 1] = list.concat(bays && i === 2 ? later.map(() => bays) : later); });
      values[0] = values[0].concat(ahead.start);
      known.forEach((list) => values.push(none.concat(list)));
      tallest = Math.max(top, ...known[0].map((v) => v || 0));
      o.bands = [{ series: [series.length, series.length + 1], fill: colour("mean-fill") }];
      series.push(
        curve(figure.dataset.highLabel, "mean", { width: 1, stroke: "transparent" }),
        curve(figure.dataset.lowLabel, "mean", { width: 1, stroke: "transparent" }),
        curve(figure.dataset.midLabel, "mean", { width: 1.5, dash: [6, 3] }),
      );
    }
    /* Room below zero for the coverage band: it must not hide an occupancy of nought. */
    const floor = (height) => -tallest * 1.08 * (COVER_PX + 4) / Math.max(60, height - 60);
    const y = { range: () => [floor(o.height), tallest * 1.08] };
    const axis = axes(tz, o.step, false);
    axis[1].filter = (u, splits) => splits.map((v) => (v < 0 ? null : v));
    axis[1].values = (u, splits) => splits.map((v) => (v === null ? "" : number(2).format(v)));
    return {
      values: values,
      options: Object.assign(o, {
        series: series, axes: axis, scales: { x: o.scales.x, y: y },
        hooks: { drawClear: [ground(data, data.column("coverage"), mean)] },
      }),
    };
  };

  const moves = (figure, plot, data, tz) => {
    const o = base(figure, plot, data, tz), into = data.column("entries"), out = data.column("exits");
    const top = Math.max(1, ...into.map((v) => v || 0), ...out.map((v) => v || 0)) * 1.1;
    const bars = uPlot.paths.bars({ size: [0.9, 4000], align: 1 });
    const bar = (label, name) => ({
      label: label, fill: colour(name), stroke: colour(name), width: 0, paths: bars,
      points: { show: false }, value: show(0, true),
    });
    const downward = out.map((v) => (v === null ? null : -v));
    const end = data.end[data.end.length - 1];
    const axis = axes(tz, o.step, true);
    axis[1].incrs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000, 100000];
    return {
      values: [data.start.concat([end]), into.concat([null]), downward.concat([null])],
      options: Object.assign(o, {
        height: plot.clientWidth < 500 ? 210 : 240,
        series: [o.first, bar(figure.dataset.inLabel, "in"), bar(figure.dataset.outLabel, "out")],
        axes: axis,
        scales: { x: o.scales.x, y: { range: () => [-top * 1.15, top] } },
        hooks: { drawClear: [ground(data, data.column("coverage"), into)] },
      }),
    };
  };

  /* What is expected, the band around it, and last week's values; a gap breaks the lines. */
  const forecast = (figure, plot, data, tz) => {
    const o = base(figure, plot, data, tz), limit = Number(figure.dataset.limit) || 0;
    const low = data.column("low"), mid = data.column("mid"), high = data.column("high"), last = data.column("last");
    const top = Math.max(1, limit, ...high.map((v) => v || 0), ...last.map((v) => v || 0)) * 1.06;
    const thin = { width: 1, stroke: "transparent" };
    const series = [
      o.first,
      curve(figure.dataset.highLabel, "mean", thin),
      curve(figure.dataset.lowLabel, "mean", thin),
      curve(figure.dataset.lastLabel, "peak", { width: 1.5, dash: [2, 3] }),
      curve(figure.dataset.midLabel, "mean"),
    ];
    const values = [data.start, high, low, last, mid];
    if (limit) {
      series.push(curve(figure.dataset.limitLabel, "ink", { width: 1, dash: [2, 4] }));
      values.push(data.start.map(() => limit));
    }
    return {
      values: values,
      options: Object.assign(o, {
        series: series, axes: axes(tz, o.step, false), bands: [{ series: [1, 2], fill: colour("mean-fill") }],
        scales: { x: o.scales.x, y: { range: () => [0, top] } },
      }),
    };
  };

  /* Several places over the same days; the dashes tell them apart without colour. */
  const DASHES = [[], [8, 4], [2, 3], [12, 4, 2, 4], [5, 2], [1, 5]];
  const lines = (figure, plot, data, tz) => {
    const o = base(figure, plot, data, tz);
    const heads = Array.from(document.getElementById(figure.dataset.table).tHead.rows[0].cells).slice(1);
    const values = heads.map((_, n) => data.column("s" + n));
    const top = Math.max(0.1, ...values.flat().map((v) => v || 0)) * 1.08;
    return {
      values: [data.start].concat(values),
      options: Object.assign(o, {
        series: [o.first].concat(heads.map((head, n) =>
          curve(head.textContent, "s" + n, { dash: DASHES[n], points: { show: true, size: 5 }, value: show(2) }))),
        axes: axes(tz, o.step, false),
        scales: { x: o.scales.x, y: { range: () => [0, top] } },
      }),
    };
  };

  const KINDS = { occupancy: occupancy, moves: moves, forecast: forecast, lines: lines };

  const draw = (figure) => {
    const plot = figure.querySelector(".plot");
    const data = read(document.getElementById(figure.dataset.table));
    if (data.start.length === 0) { return; }
    const make = () => {
      plot.replaceChildren();
      const made = KINDS[figure.dataset.chart](figure, plot, data, figure.dataset.tz);
      return new uPlot(made.options, made.values, plot);
    };
    make();
    let width = plot.clientWidth, timer = 0;
    new ResizeObserver(() => {
      if (plot.clientWidth === width) { return; }
      width = plot.clientWidth;
      clearTimeout(timer);
      timer = setTimeout(make, 120);
    }).observe(plot);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", make);
  };

  document.querySelectorAll("figure[data-chart]").forEach(draw);
}());
