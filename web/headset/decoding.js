// What this device can decode: in which codec, and how wide, the picture is asked for.

const WIDTHS = [4096, 2048, 1280]; // what the server makes smaller for who asks; see outputs/rungs.py
const MIME = ['video/H264', 'video/VP8']; // what it sends; large pictures are quicker in the first, both ways

/**
 * How to ask for a picture of this size: {codecs, width}. `codecs` are for setCodecPreferences, the best first, or null
 * where a browser cannot say; `width` is null when the whole picture can be decoded.
 */
export async function choose([width, height], fps) {
  const all = window.RTCRtpReceiver?.getCapabilities?.('video')?.codecs ?? [];
  const ours = MIME.flatMap((mime) => all.filter((codec) => codec.mimeType.toLowerCase() === mime.toLowerCase() && fits(codec)));
  if (!ours.length) return { codecs: null, width: null };
  for (const most of [width, ...WIDTHS.filter((narrower) => narrower < width)]) {
    const size = { width: most, height: Math.round((height * most) / width) };
    const answers = await Promise.all(ours.map((codec) => ask(codec, size, fps)));
    const able = ours.map((codec, n) => ({ codec, ...answers[n] })).filter(({ supported, smooth }) => supported && smooth);
    if (!able.length) continue;
    able.sort((a, b) => Number(b.powerEfficient) - Number(a.powerEfficient)); // a chip made for it; stable otherwise
    return { codecs: inOrder(able.map(({ codec }) => codec), ours, all), width: most === width ? null : most };
  }
  return { codecs: inOrder([], ours, all), width: width > WIDTHS.at(-1) ? WIDTHS.at(-1) : null };
}

/** H.264 of Baseline, in packets that may hold a part of a slice, is all that is sent. */
function fits({ mimeType, sdpFmtpLine = '' }) {
  return !mimeType.endsWith('/H264') || (/profile-level-id=42/i.test(sdpFmtpLine) && /packetization-mode=1/.test(sdpFmtpLine));
}

async function ask({ mimeType, sdpFmtpLine }, size, framerate) {
  const contentType = sdpFmtpLine ? `${mimeType};${sdpFmtpLine}` : mimeType;
  try {
    // The bitrate is the server's; of this order, it does not change an answer.
    const video = { contentType, ...size, framerate, bitrate: size.width * size.height * 3 };
    return await navigator.mediaCapabilities.decodingInfo({ type: 'webrtc', video });
  } catch {
    return { supported: true, smooth: true, powerEfficient: false }; // cannot be asked: tried, then
  }
}

// Retransmissions and the like come along.
function inOrder(able, ours, all) {
  const first = [...able, ...ours.filter((codec) => !able.includes(codec))];
  return [...first, ...all.filter((codec) => !first.includes(codec))];
}
