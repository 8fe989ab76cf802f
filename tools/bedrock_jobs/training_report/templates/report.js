'use strict';
(() => {
  const $ = (query, within = document) => [...within.querySelectorAll(query)];
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // --- the table: sorted by its headers, filtered by text and status

  const table = document.getElementById('table');
  const body = table.tBodies[0];
  const headers = $('thead th', table);

  const valueOf = (row, column) => {
    const cell = row.cells[column];
    if (cell.dataset.number === undefined) return cell.dataset.sort;
    return cell.dataset.number === '' ? null : Number(cell.dataset.number);
  };

  const sortBy = (column) => {
    const header = headers[column];
    const sign = header.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
    headers.forEach((other) => other.removeAttribute('aria-sort'));
    header.setAttribute('aria-sort', sign > 0 ? 'ascending' : 'descending');
    const rows = $('tr', body).map((row) => [valueOf(row, column), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * (typeof a === 'number' ? a - b : a.localeCompare(b));
    });
    body.append(...rows.map(([, row]) => row));
  };
  headers.forEach((header, column) => header.firstElementChild.addEventListener('click', () => sortBy(column)));

  const filter = document.getElementById('filter');
  const status = document.getElementById('status');
  const shown = document.getElementById('shown');
  const applyFilter = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of $('tr', body)) {
      const fits = words.every((word) => row.dataset.text.includes(word));
      row.hidden = !fits || (status.value !== '' && row.dataset.status !== status.value);
      count += !row.hidden;
    }
    shown.textContent = words.length || status.value ? `${count} of ${body.rows.length} shown` : '';
  };
  filter.addEventListener('input', applyFilter);
  status.addEventListener('change', applyFilter);
  applyFilter();

  // --- the charts: made when they come into view, made anew when the colours change

  const data = JSON.parse(document.getElementById('data').textContent);
  const COLOURS = 8;
  const HEIGHT = 300;
  const plots = new Map();

  const series = (line) => ({
    label: line.label,
    stroke: style(`--c${line.color % COLOURS}`),
    width: line.dashed ? 2 : 1.5,
    dash: line.dashed ? [6, 4] : undefined,
    spanGaps: true,
    points: { show: Boolean(line.dashed) || line.x.length < 2, size: 7, fill: style('--panel') },
    value: (plot, value) => (value === null || value === undefined ? '' : String(Number(value.toPrecision(5)))),
  });

  const axis = (label) => ({
    label,
    stroke: style('--quiet'),
    grid: { stroke: style('--line'), width: 1 },
    ticks: { stroke: style('--line'), width: 1 },
    labelSize: 22,
    size: label === 'step' ? 36 : 48,
  });

  const draw = (place) => {
    const { title, lines } = data[place.id];
    plots.get(place.id)?.destroy();
    const options = {
      width: place.clientWidth,
      height: HEIGHT,
      scales: { x: { time: false } },
      axes: [axis('step'), axis(title === 'Rewards' || title === 'Perplexity' ? title.toLowerCase() : 'loss')],
      series: [{ label: 'step', value: (plot, value) => (value === null ? '' : String(value)) }, ...lines.map(series)],
      legend: { markers: { width: 3, dash: (plot, at) => (lines[at - 1]?.dashed ? 'dashed' : 'solid') } },
      cursor: { focus: { prox: 24 } },
      focus: { alpha: 0.35 },
    };
    const joined = uPlot.join(lines.map((line) => [line.x, line.y]));
    plots.set(place.id, new uPlot(options, joined, place));
    for (const label of $('.u-series:not(:first-child) th', place)) {
      label.tabIndex = 0;
      label.setAttribute('role', 'button');
      label.addEventListener('keydown', (event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        label.click();
      });
    }
  };

  const walk = (event) => {
    const plot = plots.get(event.currentTarget.id);
    const by = { ArrowRight: 1, ArrowLeft: -1, PageUp: 20, PageDown: -20 }[event.key];
    if (!plot || by === undefined) return;
    event.preventDefault();
    const steps = plot.data[0];
    const at = Math.min(Math.max((plot.cursor.idx ?? -1) + by, 0), steps.length - 1);
    plot.setCursor({ left: plot.valToPos(steps[at], 'x'), top: plot.cursor.top > 0 ? plot.cursor.top : 1 });
  };

  const places = $('.chart');
  const whenSeen = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        whenSeen.unobserve(target);
        draw(target);
      }
    },
    { rootMargin: '400px' },
  );
  places.forEach((place) => {
    place.addEventListener('keydown', walk);
    whenSeen.observe(place);
  });
  new ResizeObserver(() => {
    for (const [id, plot] of plots) plot.setSize({ width: document.getElementById(id).clientWidth, height: HEIGHT });
  }).observe(document.body);
  const redraw = () => [...plots.keys()].forEach((id) => draw(document.getElementById(id)));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  addEventListener('beforeprint', () => places.forEach((place) => plots.has(place.id) || draw(place)));
})();
