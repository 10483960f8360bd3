// @ts-check
// What this device can decode: in which codec, and how wide, the picture is requested.

const WIDTHS = [4096, 2048, 1280]; // the server makes its picture smaller on request; see outputs/rungs.py
const MIME = ['video/H264', 'video/VP8']; // what it sends; large pictures are quicker in the first, to encode and to decode

/**
 * How to request a picture of this size: `codecs` are for setCodecPreferences, the best first, or null where a browser
 * cannot say; `width` is null when the whole picture can be decoded.
 *
 * @param {[number, number]} size width and height
 * @param {number} fps
 * @returns {Promise<{codecs: RTCRtpCodec[] | null, width: number | null}>}
 */
export async function bestDecoding([width, height], fps) {
  const all = window.RTCRtpReceiver?.getCapabilities?.('video')?.codecs ?? [];
  const ours = MIME.flatMap((mime) => all.filter((codec) => codec.mimeType.toLowerCase() === mime.toLowerCase() && fits(codec)));
  if (!ours.length) return { codecs: null, width: null };
  for (const most of [width, ...WIDTHS.filter((narrower) => narrower < width)]) {
    const size = { width: most, height: Math.round((height * most) / width) };
    const answers = await Promise.all(ours.map((codec) => decodingInfo(codec, size, fps)));
    const able = ours.map((codec, n) => ({ codec, ...answers[n] })).filter(({ supported, smooth }) => supported && smooth);
    if (!able.length) continue;
    able.sort((a, b) => Number(b.powerEfficient) - Number(a.powerEfficient)); // a chip made for it; stable otherwise
    return { codecs: inOrder(able.map(({ codec }) => codec), ours, all), width: most === width ? null : most };
  }
  const least = Math.min(...WIDTHS);
  return { codecs: inOrder([], ours, all), width: width > least ? least : null };
}

/**
 * H.264 of Baseline, in packets that may hold a part of a slice, is all that is sent.
 *
 * @param {RTCRtpCodec} codec
 */
function fits({ mimeType, sdpFmtpLine = '' }) {
  return !mimeType.endsWith('/H264') || (/profile-level-id=42/i.test(sdpFmtpLine) && /packetization-mode=1/.test(sdpFmtpLine));
}

/**
 * @param {RTCRtpCodec} codec
 * @param {{width: number, height: number}} size
 * @param {number} framerate
 */
async function decodingInfo({ mimeType, sdpFmtpLine }, size, framerate) {
  const contentType = sdpFmtpLine ? `${mimeType};${sdpFmtpLine}` : mimeType;
  try {
    // The bitrate is the server's; of this order, it does not change an answer.
    const video = { contentType, ...size, framerate, bitrate: size.width * size.height * 3 };
    return await navigator.mediaCapabilities.decodingInfo({ type: 'webrtc', video });
  } catch {
    return { supported: true, smooth: true, powerEfficient: false }; // it cannot say: tried, then
  }
}

/**
 * Retransmission and error correction come along.
 *
 * @param {RTCRtpCodec[]} able
 * @param {RTCRtpCodec[]} ours
 * @param {RTCRtpCodec[]} all
 */
function inOrder(able, ours, all) {
  const first = [...able, ...ours.filter((codec) => !able.includes(codec))];
  return [...first, ...all.filter((codec) => !first.includes(codec))];
}
