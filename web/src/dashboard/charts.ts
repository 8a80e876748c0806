import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import * as format from "../format";
import { h, setText } from "../ui/dom";
import type { Samples, Series } from "./history";

/** The time shown grows with what is known, from the one to the other, s. */
const MIN_SPAN_S = 60;
const MAX_SPAN_S = 300;
const HEIGHT = 108;

interface Curve {
  series: Series;
  label: string;
  color: string;
}

interface Spec {
  title: string;
  curves: Curve[];
  print: (value: number | null | undefined) => string;
  /** The least that the scale's top may be. */
  top: number;
}

/** Of the last minutes. */
export const HEALTH: Spec[] = [
  { title: "Bitrate from the encoder", curves: [{ series: "bitrate", label: "in", color: "--curve-1" }], print: format.bitrate, top: 1e6 },
  {
    title: "Frame rate",
    curves: [
      { series: "fpsIn", label: "in", color: "--curve-1" },
      { series: "fpsOut", label: "out", color: "--curve-2" },
    ],
    print: (value) => format.frameRate(value == null ? null : Math.round(value * 10) / 10),
    top: 30,
  },
  { title: "Encoding speed", curves: [{ series: "speed", label: "speed", color: "--curve-2" }], print: format.speed, top: 1.2 },
  { title: "Packets waiting to be encoded", curves: [{ series: "queue", label: "packets", color: "--curve-2" }], print: format.count, top: 10 },
  { title: "Upload latency", curves: [{ series: "uploadLatency", label: "latency", color: "--curve-3" }], print: format.milliseconds, top: 200 },
  { title: "Segments waiting for storage", curves: [{ series: "uploadQueue", label: "segments", color: "--curve-3" }], print: format.count, top: 4 },
];

/** Of a whole broadcast. */
export const AUDIENCE: Spec[] = [
  { title: "Viewers", curves: [{ series: "viewers", label: "viewers", color: "--curve-4" }], print: format.count, top: 5 },
  {
    title: "Viewers’ latency",
    curves: [
      { series: "latencyP50", label: "p50", color: "--curve-1" },
      { series: "latencyP95", label: "p95", color: "--curve-4" },
    ],
    print: format.seconds,
    top: 1,
  },
];

/** Small charts with one cursor. */
export class Charts {
  readonly element = h("div", { class: "charts" });
  private readonly plots: { spec: Spec; plot: uPlot; values: HTMLElement[] }[] = [];
  private readonly resized = new ResizeObserver(() => this.resize());
  private readonly scheme = matchMedia("(prefers-color-scheme: dark)");
  private readonly recolor = (): void => this.build();

  constructor(
    private readonly history: Samples,
    private readonly specs: Spec[],
    /** The most that is shown, s. */
    private readonly span = MAX_SPAN_S,
  ) {
    this.scheme.addEventListener("change", this.recolor);
    this.resized.observe(this.element);
  }

  update(): void {
    // Colours and widths are known only once the page is in the document.
    if (this.plots.length === 0) {
      if (!this.element.isConnected) return;
      this.build();
    }
    for (const { spec, plot, values } of this.plots) {
      plot.setData(this.data(spec));
      if (plot.cursor.idx == null) this.print(spec, values, this.history.times.length - 1);
    }
  }

  destroy(): void {
    this.resized.disconnect();
    this.scheme.removeEventListener("change", this.recolor);
    for (const { plot } of this.plots) plot.destroy();
  }

  private build(): void {
    for (const { plot } of this.plots) plot.destroy();
    this.plots.length = 0;
    this.element.replaceChildren();
    const colors = getComputedStyle(document.documentElement);
    for (const spec of this.specs) {
      const values = spec.curves.map(() => h("b"));
      const canvas = h("div", { class: "chart-canvas" });
      const head = h("p", { class: "chart-head" }, h("span", {}, spec.title));
      spec.curves.forEach((curve, i) => {
        const value = h("span", { class: "chart-value", "data-curve": curve.color.slice(-1) });
        if (spec.curves.length > 1) value.append(h("i"), `${curve.label} `);
        value.append(values[i]!);
        head.append(value);
      });
      this.element.append(h("figure", { class: "chart" }, head, canvas));
      const plot = new uPlot(this.options(spec, values, colors, canvas.clientWidth), this.data(spec), canvas);
      this.plots.push({ spec, plot, values });
    }
  }

  private options(spec: Spec, values: HTMLElement[], colors: CSSStyleDeclaration, width: number): uPlot.Options {
    const color = (name: string): string => colors.getPropertyValue(name).trim();
    const axis: uPlot.Axis = {
      stroke: color("--dim"),
      font: "11px system-ui, sans-serif",
      ticks: { show: false },
      grid: { stroke: color("--line"), width: 1 },
    };
    return {
      width,
      height: HEIGHT,
      padding: [8, 4, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: this.specs === HEALTH ? "health" : "audience" }, y: false, points: { size: 7 }, drag: { x: false, y: false } },
      scales: {
        x: { time: true, range: (_plot, min, max) => [Math.max(max - this.span, Math.min(min, max - MIN_SPAN_S)), max] },
        y: { range: (_plot, _min, max) => [0, Math.max(spec.top, (max ?? 0) * 1.15)] },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 22, space: 80, values: [[1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1]] },
        { ...axis, size: 62, space: 26, values: (_plot, splits) => splits.map((value) => (value === 0 ? "0" : spec.print(value))) },
      ],
      series: [
        {},
        ...spec.curves.map(({ label, color: name }) => ({
          label,
          stroke: color(name),
          width: 1.75,
          fill: spec.curves.length === 1 ? `${color(name)}1f` : "transparent",
          points: { show: false },
        })),
      ],
      hooks: {
        setCursor: [(plot) => this.print(spec, values, plot.cursor.idx ?? this.history.times.length - 1)],
      },
    };
  }

  private data(spec: Spec): uPlot.AlignedData {
    return [this.history.times, ...spec.curves.map(({ series }) => this.history.of(series))] as uPlot.AlignedData;
  }

  private print(spec: Spec, values: HTMLElement[], index: number): void {
    spec.curves.forEach(({ series }, i) => setText(values[i]!, spec.print(this.history.of(series)[index])));
  }

  private resize(): void {
    for (const { plot } of this.plots) {
      const width = plot.root.parentElement?.clientWidth ?? 0;
      if (width > 0 && width !== plot.width) plot.setSize({ width, height: HEIGHT });
    }
  }
}
