/** Avro decimals (big-endian two's complement of the unscaled value) as text, exact at any precision. */

const TEXT = /^([+-]?)(\d*)(?:\.(\d*))?$/;

/** The decimal with exactly `scale` digits behind the point: `-12.50`. */
export function decimalToText(bytes: Uint8Array, scale: number): string {
  const unscaled = BigInt.asIntN(
    Math.max(bytes.length * 8, 1),
    bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`),
  );
  const sign = unscaled < 0n ? '-' : '';
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/**
 * The bytes of a decimal text, or undefined when it is no decimal, has more digits behind the point than `scale` allows
 * without rounding, more digits in all than `precision`, or does not fit `size` bytes.
 */
export function textToUnscaled(text: string, precision: number, scale: number, size?: number): Buffer | undefined {
  const match = TEXT.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = ''] = match;
  if (whole === '' && fraction === '') return undefined;
  const kept = fraction.length > scale ? fraction.replace(/0+$/, '') : fraction;
  if (kept.length > scale) return undefined;
  const magnitude = BigInt(whole + kept.padEnd(scale, '0'));
  if (magnitude !== 0n && String(magnitude).length > precision) return undefined;
  const unscaled = sign === '-' ? -magnitude : magnitude;
  let length = size ?? 1;
  if (size === undefined) while (BigInt.asIntN(length * 8, unscaled) !== unscaled) length++;
  else if (BigInt.asIntN(size * 8, unscaled) !== unscaled) return undefined;
  const hex = BigInt.asUintN(length * 8, unscaled)
    .toString(16)
    .padStart(length * 2, '0');
  return Buffer.from(hex, 'hex');
}
