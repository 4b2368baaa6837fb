/**
 * The official weights: where each file of the bundle is published, and what its bytes must be.
 *
 * Sizes and SHA-256 are those that the repositories publish for the files. A file without them (configs, adapters) is
 * checked against the checksum that the server states for it. What comes from a repository is of its `main` revision: the
 * checksums pin the large files, and the small ones describe them.
 */

export interface OfficialFile {
	/** Place in the bundle folder, with forward slashes. */
	path: string;
	/** Repository and path there; the endpoint is put in front. Or a complete URL. */
	source: { repository: string; path: string } | string;
	bytes?: number;
	sha256?: string;
}

export interface OfficialPart {
	/** What the part is for, in one line. */
	purpose: string;
	/** The terms of the weights, in one line; their owners' pages are authoritative. */
	licence: string;
	files: readonly OfficialFile[];
}

const arc2face = 'FoivosPar/Arc2Face';
const stableDiffusion = 'stable-diffusion-v1-5/stable-diffusion-v1-5';

export const officialParts = {
	base: {
		purpose: 'text encoder, UNet, VAE and noise schedule: portraits from an identity',
		licence: `Arc2Face weights: terms of ${arc2face}. Stable Diffusion 1.5: CreativeML Open RAIL-M.`,
		files: [
			at(arc2face, 'arc2face/config.json'),
			at(arc2face, 'encoder/config.json'),
			at(stableDiffusion, 'vae/config.json'),
			at(stableDiffusion, 'scheduler/scheduler_config.json'),
			{
				...at(stableDiffusion, 'vae/diffusion_pytorch_model.safetensors'),
				bytes: 334_643_276,
				sha256: 'a2b5134f4dbc140d9c11f11cba3233099e00af40f262f136c691fb7d38d2194c',
			},
			{
				...at(arc2face, 'encoder/pytorch_model.bin'),
				bytes: 492_308_829,
				sha256: 'e2d364df774b7d3975f85de42bda73c0c0cdb952273dd5f138511b6cf65424aa',
			},
			{
				...at(arc2face, 'arc2face/diffusion_pytorch_model.safetensors'),
				bytes: 3_438_167_536,
				sha256: 'd2377c16b7135650ca375817a4812a999194fba1f081e39117bd54e50dacc784',
			},
		],
	},
	antelopev2: {
		purpose: 'face detector and ArcFace: an identity from a photo',
		licence:
			'antelopev2 (SCRFD detector) by InsightFace: non-commercial research purposes only. ' +
			'arcface.onnx, trained on WebFace42M: research use.',
		files: [
			{
				// The detector of InsightFace's buffalo_l pack is the same file, byte for byte, under another name.
				path: 'antelopev2/scrfd_10g_bnkps.onnx',
				source: { repository: 'public-data/insightface', path: 'models/buffalo_l/det_10g.onnx' },
				bytes: 16_923_827,
				sha256: '5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91',
			},
			{
				...at(arc2face, 'arcface.onnx', 'antelopev2/arcface.onnx'),
				bytes: 260_694_151,
				sha256: 'ec639a0429b4819130d1405a2d3b38beaa4cc4a6c5bd9cf48b94fdf65461de83',
			},
		],
	},
	'lcm-lora': {
		purpose: 'portraits in 4 to 8 steps, with --lcm',
		licence: 'LCM-LoRA: OpenRAIL++.',
		files: [
			{
				...at(
					'latent-consistency/lcm-lora-sdv1-5',
					'pytorch_lora_weights.safetensors',
					'lcm-lora/pytorch_lora_weights.safetensors',
				),
				bytes: 134_621_556,
				sha256: '8f90d840e075ff588a58e22c6586e2ae9a6f7922996ee6649a7f01072333afe4',
			},
		],
	},
	controlnet: {
		purpose: 'a pose for the portrait',
		licence: `Arc2Face ControlNet: terms of ${arc2face}.`,
		files: [at(arc2face, 'controlnet/config.json'), at(arc2face, 'controlnet/diffusion_pytorch_model.safetensors')],
	},
	'exp-adapter': {
		purpose: 'an expression for the portrait',
		licence: `Expression adapter: terms of ${arc2face}.`,
		files: [at(arc2face, 'exp_adapter/exp_adapter.bin')],
	},
	'ref-adapter': {
		purpose: 'a portrait that keeps a reference image',
		licence: `Reference adapter: terms of ${arc2face}.`,
		files: [at(arc2face, 'ref_adapter/pytorch_lora_weights.safetensors')],
	},
	evaluation: {
		purpose: 'Inception, AlexNet and LPIPS: FID, KID, precision, recall and LPIPS of portraits',
		licence:
			"FID's Inception, ported from TensorFlow by pytorch-fid: Apache 2.0. AlexNet of torchvision: BSD 3-Clause. " +
			'LPIPS: BSD 2-Clause. The first two were trained on ImageNet, whose terms are for non-commercial research.',
		files: [
			{
				path: 'evaluation/pt_inception-2015-12-05-6726825d.pth',
				source:
					'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth',
				bytes: 95_628_359,
				sha256: '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2',
			},
			{
				path: 'evaluation/alexnet-owt-7be5be79.pth',
				source: 'https://download.pytorch.org/models/alexnet-owt-7be5be79.pth',
				bytes: 244_408_911,
				sha256: '7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02',
			},
			{
				// Of version 0.1, the same bytes as in the Python package lpips 0.1.4.
				path: 'evaluation/alex.pth',
				source:
					'https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/082bb24f84c091ea94de2867d34c4544f68e0963/lpips/weights/v0.1/alex.pth',
				bytes: 6_009,
				sha256: 'df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0',
			},
		],
	},
} as const satisfies Record<string, OfficialPart>;

export type OfficialPartName = keyof typeof officialParts;

/** Parts pulled only on request, with `--with`. */
export const extraParts = [
	'lcm-lora',
	'controlnet',
	'exp-adapter',
	'ref-adapter',
	'evaluation',
] as const satisfies OfficialPartName[];

/** The part that is pulled only on request and has this file, or this folder; with forward slashes. */
export function extraPartOf(path: string): OfficialPartName | undefined {
	return extraParts.find((name) =>
		officialParts[name].files.some((file) => file.path === path || file.path.startsWith(`${path}/`)),
	);
}

function at(repository: string, path: string, bundlePath = path): OfficialFile {
	return { path: bundlePath, source: { repository, path } };
}
