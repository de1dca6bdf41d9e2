/** A Gaussian blur of codes that are pixels. */

/** Blurs planes [.., height, width], the borders repeated. @param sigma standard deviation in pixels */
export function blurred(planes: Float32Array, width: number, height: number, sigma: number): Float32Array {
  const reach = Math.max(1, Math.ceil(3 * sigma));
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)));
  const total = weights.reduce((sum, w) => sum + w, 0);
  const along = (from: Float32Array, stride: number, extent: number): Float32Array =>
    from.map((_, at) => {
      const place = Math.floor(at / stride) % extent;
      let sum = 0;
      for (let k = -reach; k <= reach; k++) {
        const source = Math.min(Math.max(place + k, 0), extent - 1);
        sum += weights[k + reach]! * from[at + (source - place) * stride]!;
      }
      return sum / total;
    });
  return along(along(planes, 1, width), width, height);
}
