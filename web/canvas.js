// @ts-check
// Canvases: what draws on one, and where a picture is in a box that it is fitted into.

/**
 * Where a picture of this size is in a box on the screen that shows all of it, or, to `fill`, cuts off its edges:
 * screen pixels for one of the picture's, and its top left corner.
 *
 * @param {{width: number, height: number}} picture
 * @param {{left: number, top: number, width: number, height: number}} box
 * @param {boolean} fill
 */
export function fitted(picture, { left, top, width, height }, fill) {
  const ratios = [width / picture.width, height / picture.height];
  const scale = fill ? Math.max(...ratios) : Math.min(...ratios);
  return {
    scale,
    left: left + (width - picture.width * scale) / 2,
    top: top + (height - picture.height * scale) / 2,
  };
}

/**
 * What draws on a canvas.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [options]
 */
export function contextOf(canvas, options) {
  const context = canvas.getContext('2d', options);
  if (!context) throw new Error('This browser has no memory for another picture.');
  return context;
}
