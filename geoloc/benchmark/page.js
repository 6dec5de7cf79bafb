"use strict";

// Sorts a table of results: a heading's button sorts by its column, "First order" undoes it.
function makeSortable(table) {
  const headings = [...table.querySelectorAll("th[aria-sort]")];
  const groups = [...table.querySelectorAll("tr.group")];
  const home = new Map(
    [...table.querySelectorAll("tbody tr:not(.group)")].map((row) => [row, row.parentNode]),
  );
  const restore = table.closest("section").querySelector("button.restore");

  function label(sorted, direction) {
    for (const heading of headings) {
      heading.setAttribute("aria-sort", heading === sorted ? direction : "none");
    }
    // Sorted methods stand outside of their groups.
    for (const group of groups) group.hidden = Boolean(sorted);
    restore.disabled = !sorted;
  }

  headings.forEach((heading, position) => {
    const byName = position === 0;
    const first = byName ? "ascending" : "descending"; // the best number on top
    const second = byName ? "descending" : "ascending";
    heading.querySelector("button").addEventListener("click", () => {
      const direction = heading.getAttribute("aria-sort") === first ? second : first;
      const sign = direction === "ascending" ? 1 : -1;
      const rows = [...home.keys()].sort((a, b) =>
        byName
          ? sign * a.cells[0].textContent.localeCompare(b.cells[0].textContent)
          : compare(a.cells[position].dataset.value, b.cells[position].dataset.value, sign),
      );
      table.tBodies[0].append(...rows);
      label(heading, direction);
    });
  });

  restore.addEventListener("click", () => {
    for (const [row, body] of home) body.append(row);
    label(null);
  });
}

// Missing values come last in both directions.
function compare(a, b, sign) {
  if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
  return sign * (Number(a) - Number(b));
}

document.querySelectorAll("table.results").forEach(makeSortable);
