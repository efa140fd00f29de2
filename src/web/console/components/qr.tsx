import { encode } from 'uqr';
import { h, type Markup } from '../jsx.ts';

/** A QR code as a drawing; dark on light in both appearances, or cameras would not read it. */
export const QrCode = ({ text, label }: { readonly text: string; readonly label: string }): Markup => {
  const { data, size } = encode(text, { ecc: 'M', border: 4 });
  const path = data
    .flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])))
    .join('');
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={label}
      shape-rendering="crispEdges"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
};
