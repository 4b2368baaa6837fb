// What the addon has for the invisible watermark.

/** `falseAlarm`: at most this share of images without a mark look as much like one; `payload`: 6 bytes, if they could be read. */
export type NativeWatermark = { falseAlarm: number; payload?: Uint8Array };
