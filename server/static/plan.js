// Maps from Leaflet where the installation has tiles, and positions by clicking. Pages work without this file: positions can
// be typed, and every place is a link in the list beside the map.
"use strict";
(() => {
  const fields = (name) => ["lon", "lat"].map((axis) => document.getElementById(name + axis));

  // The place whose fields had the focus last is the one that a click moves.
  let chosen = "";
  document.addEventListener("focusin", (event) => {
    const match = /^(p\d+)-/.exec(event.target.id || "");
    if (match) { chosen = match[1]; show(); }
    if (/^(lon|lat|label_fr|label_en)$/.test(event.target.id || "")) { chosen = ""; show(); }
  });

  function show() {
    for (const mark of document.querySelectorAll("[data-mark]")) {
      mark.classList.toggle("chosen", mark.dataset.mark === chosen);
    }
  }

  function place(mark, plan) {
    const box = plan.viewBox.baseVal;
    const [x, y] = ["x", "y"].map((axis) => {
      const field = document.querySelector(`[data-${axis}="${mark.dataset.mark}"]`);
      return field.value.trim() === "" ? NaN : Number(field.value.replace(",", "."));
    });
    const known = x >= 0 && x <= 100 && y >= 0 && y <= 100;
    mark.setAttribute("visibility", known ? "visible" : "hidden");
    if (known) mark.setAttribute("transform", `translate(${(x * box.width) / 100} ${(y * box.height) / 100})`);
  }

  for (const plan of document.querySelectorAll("svg[data-plan]")) {
    const marks = [...plan.querySelectorAll("[data-mark]")];
    chosen = chosen || (marks[0] && marks[0].dataset.mark) || "";
    plan.addEventListener("click", (event) => {
      const own = event.target.closest("[data-mark]");
      if (own) { chosen = own.dataset.mark; show(); return; }
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(plan.getScreenCTM().inverse());
      const box = plan.viewBox.baseVal;
      const mark = marks.find((one) => one.dataset.mark === chosen);
      if (!mark) return;
      const percent = (value, whole) => String(Math.round(Math.min(1, Math.max(0, value / whole)) * 1000) / 10);
      document.querySelector(`[data-x="${chosen}"]`).value = percent(at.x, box.width);
      document.querySelector(`[data-y="${chosen}"]`).value = percent(at.y, box.height);
      place(mark, plan);
    });
    document.addEventListener("input", (event) => {
      const name = event.target.dataset.x || event.target.dataset.y;
      const mark = marks.find((one) => one.dataset.mark === name);
      if (mark) place(mark, plan);
    });
    show();
  }

  function icon(point) {
    const element = document.createElement("span");
    element.className = `pin ${point.level}`;
    element.textContent = point.number;
    return L.divIcon({ html: element, className: "map-pin", iconSize: [40, 28] });
  }

  for (const element of document.querySelectorAll("[data-map]")) {
    if (!window.L) continue;
    const map = L.map(element, { attributionControl: false, zoomAnimation: false, fadeAnimation: false });
    L.control.attribution({ prefix: false }).addTo(map);
    const attribution = document.createElement("span");
    attribution.textContent = element.dataset.attribution;
    L.tileLayer(element.dataset.tiles, { maxZoom: 19, attribution: attribution.innerHTML }).addTo(map);
    if (element.dataset.map === "points") {
      const items = [...document.querySelectorAll("[data-points] li")];
      for (const item of items) {
        const link = item.querySelector("a");
        const marker = L.marker([item.dataset.lat, item.dataset.lon], {
          icon: icon(item.dataset), title: link.textContent, alt: link.textContent, keyboard: true,
        }).addTo(map);
        marker.on("click", () => { window.location.href = link.href; });
        marker.on("keypress", (event) => { if (event.originalEvent.key === "Enter") window.location.href = link.href; });
      }
      map.fitBounds(L.latLngBounds(items.map((item) => [item.dataset.lat, item.dataset.lon])).pad(0.2), { maxZoom: 17 });
    } else if (element.dataset.map === "cells") {
      const drawn = JSON.parse(element.dataset.cells).map(([shade, words, corners]) =>
        L.polygon(corners, { className: shade < 0 ? "few" : `p${shade}`, weight: 1, fillOpacity: 0.65 }).bindTooltip(words));
      map.fitBounds(L.featureGroup(drawn).addTo(map).getBounds(), { maxZoom: 19 });
    } else {
      const [lon, lat] = fields("");
      const known = lon.value !== "" && lat.value !== "";
      // Without a position yet: the whole of metropolitan France.
      map.setView(known ? [Number(lat.value), Number(lon.value)] : [46.6, 2.5], known ? 16 : 5);
      const pin = L.marker(map.getCenter(), {
        icon: icon({ number: "", level: "seen" }), opacity: known ? 1 : 0, interactive: false, keyboard: false,
      }).addTo(map);
      map.on("click", (event) => {
        const [east, north] = fields(chosen ? `${chosen}-` : "");
        const at = event.latlng.wrap();
        east.value = at.lng.toFixed(6);
        north.value = at.lat.toFixed(6);
        pin.setLatLng(at).setOpacity(1);
      });
    }
  }
})();
