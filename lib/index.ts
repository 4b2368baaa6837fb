export { Arc2Face } from './arc2face.ts';
export type { DeviceRequest, ProviderName } from './device.ts';
export { Arc2FaceError, type ErrorCode, errorCodes } from './errors.ts';
export { Identity, type IdentityJson, type IdentityLike } from './identity.ts';
export { GeneratedImage, type ImageFormat, type ImageFormats } from './image.ts';
export type { ModelInfo } from './load.ts';
export type {
	DetectOptions,
	EncodeOptions,
	Face,
	FaceChoice,
	GenerateOptions,
	LoadOptions,
	LoadProgress,
	NoiseMode,
	Point,
	Precision,
	Size,
	StepProgress,
} from './options.ts';
export type { Photo, RawPhoto } from './photo.ts';
export { type SamplerName, samplerNames } from './samplers/samplers.ts';
