// Placing a camera on a plan by clicking: first the point in the view, then the same point on the plan. The page works without
// this file: the numbers can be typed.
"use strict";
(() => {
  const fields = [...document.querySelectorAll("[data-row]")];
  const pictures = [...document.querySelectorAll("svg[data-pick]")];
  const field = (row, side, axis) =>
    fields.find((one) => one.dataset.row === row && one.dataset.side === side && one.dataset.axis === axis);
  const value = (one) => (one.value.trim() === "" ? NaN : Number(one.value.replace(",", ".")));
  const rows = [...new Set(fields.map((one) => one.dataset.row))];
  const placed = (row, side) => ["x", "y"].every((axis) => field(row, side, axis).value.trim() !== "");
  let chosen = rows.find((row) => !placed(row, "plan")) || rows[0];

  function show() {
    for (const picture of pictures) {
      const box = picture.viewBox.baseVal;
      for (const mark of picture.querySelectorAll("[data-mark]")) {
        const row = mark.dataset.mark;
        const [x, y] = ["x", "y"].map((axis) => value(field(row, picture.dataset.pick, axis)));
        const known = x >= 0 && x <= 100 && y >= 0 && y <= 100;
        mark.setAttribute("visibility", known ? "visible" : "hidden");
        if (known) mark.setAttribute("transform", `translate(${(x * box.width) / 100} ${(y * box.height) / 100})`);
        mark.classList.toggle("chosen", row === chosen);
      }
    }
  }

  for (const picture of pictures) {
    picture.addEventListener("click", (event) => {
      const own = event.target.closest("[data-mark]");
      if (own) { chosen = own.dataset.mark; show(); return; }
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
      const box = picture.viewBox.baseVal;
      const side = picture.dataset.pick;
      const percent = (one, whole) => String(Math.round(Math.min(1, Math.max(0, one / whole)) * 10000) / 100);
      field(chosen, side, "x").value = percent(at.x, box.width);
      field(chosen, side, "y").value = percent(at.y, box.height);
      // Both are known: on to the next point that is not on the plan yet.
      if (placed(chosen, "frame") && placed(chosen, "plan")) {
        chosen = rows.find((row) => !(placed(row, "frame") && placed(row, "plan"))) || chosen;
      }
      show();
    });
  }
  document.addEventListener("focusin", (event) => {
    if (event.target.dataset && event.target.dataset.row) { chosen = event.target.dataset.row; show(); }
  });
  document.addEventListener("input", show);
  show();
})();
