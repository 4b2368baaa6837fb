// The public API.
export { Arc2Face } from './arc2face.ts';
export type { AuditReport, LedgerFault } from './consent/audit.ts';
export { type DeniedPerson, DenyList } from './consent/deny-list.ts';
export type { EndedConsent } from './consent/ending.ts';
export { ConsentLedger, type LedgerExport, type NewConsent } from './consent/ledger.ts';
export type { LogEntry, LogHead } from './consent/log.ts';
export type { ConsentRecord } from './consent/records.ts';
export type { ProviderName } from './device/device.ts';
export { Arc2FaceError, type ConsentReason, type ErrorCode, type ErrorDetails, errorCodes } from './errors.ts';
export type { Box, EncodedFace, Face, Point, Rotation, Size } from './geometry.ts';
export { Identity, type IdentityJson, type IdentityLike } from './identity.ts';
export { type FileOptions, GeneratedImage } from './image.ts';
export type { LoadedLora, ModelInfo } from './load.ts';
export type {
	AskedConsent,
	ConsentOptions,
	Consents,
	ConsentTerms,
	Denials,
	OpenOptions,
	Person,
	RecordChoice,
} from './options/consent.ts';
export type { EditOptions } from './options/edit.ts';
export type { DetectOptions, EncodeOptions, FaceChoice } from './options/faces.ts';
export { type Decoder, type Feature, featureNames } from './options/features.ts';
export type { GenerateOptions, StepProgress } from './options/generate.ts';
export type { ImageFormat, ImageFormats } from './options/image-formats.ts';
export type { LikenessCheck } from './options/likeness.ts';
export type { DeviceRequest, LoadOptions, LoadProgress, MemoryNeed, Precision } from './options/load.ts';
export type { LoraChoice, LoraName } from './options/loras.ts';
export { type Preset, type PresetName, type Presets, presetNames } from './options/presets.ts';
export type { Preview, PreviewOptions } from './options/preview.ts';
export type {
	IdentityHashOptions,
	Provenance,
	ProvenanceOptions,
	SignatureAlgorithm,
	Signer,
} from './options/provenance.ts';
export type { Recipe, RecipeInputs, RecipeModel, RecipeOptions, RecipeVariant } from './options/recipe.ts';
export type { NoiseMode } from './options/seeds.ts';
export type { ControlOptions, Pose, ReferenceOptions, SteeringOptions } from './options/steering.ts';
export type { VerifyOptions } from './options/verify.ts';
export type { RecipeCall, Who } from './painting/arguments.ts';
export type { Usage } from './painting/usage.ts';
export type { Photo, RawPhoto } from './photo/forms.ts';
export { Arc2FacePool, type PoolOptions } from './pool/pool.ts';
export { type SignerFiles, signerFromFiles } from './provenance/signer.ts';
export type { C2paMark, Finding, Verification, WatermarkMark, XmpMark } from './provenance/verification.ts';
export { verifyImage } from './provenance/verify.ts';
export type { GuidanceInterval } from './samplers/guidance-interval.ts';
export { type SamplerName, samplerNames } from './samplers/samplers.ts';
export { type Warning, type WarningCode, warningCodes } from './warnings.ts';
