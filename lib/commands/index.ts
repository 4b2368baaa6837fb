// The commands, in the order of the help. Each is loaded when it is asked for.
import type { CommandTable } from '../cli/parser.ts';

export const commands = {
	generate: {
		summary: 'Paint new portraits of the person in each photo',
		load: () => import('./generate.ts'),
	},
	encode: {
		summary: 'Save the identity of the person in each photo, for generate and compare',
		load: () => import('./encode.ts'),
	},
	detect: { summary: 'List the faces in each photo, largest first', load: () => import('./detect.ts') },
	compare: {
		summary: 'Tell how similar two people are (-1 to 1), by photo (largest face) or saved identity (.json)',
		load: () => import('./compare.ts'),
	},
	evaluate: {
		summary: "Measure how well portraits show people and vary, by the paper's protocol, as a report",
		load: () => import('./evaluate.ts'),
	},
	audit: {
		summary: 'Measure whether portraits are as good of all groups of people, by labels of your own',
		load: () => import('./audit.ts'),
	},
	verify: {
		summary: 'Tell whether images are marked as generated, by whom, and whether they were changed since',
		load: () => import('./verify.ts'),
	},
	pull: {
		summary: 'Download the official weights, or check and complete what is there',
		load: () => import('./pull.ts'),
	},
	dataset: {
		summary: 'Make a set of portraits of people who do not exist, to train face recognition with',
		load: () => import('./dataset.ts'),
		commands: {
			merge: {
				summary: 'Check the parts of a data set that several machines made, and join them',
				load: () => import('./dataset-merge.ts'),
			},
		},
	},
	consent: {
		summary: 'Keep a ledger of who consented to be painted, and for what',
		commands: {
			add: { summary: 'Record that a person consented', load: () => import('./consent-add.ts') },
			list: { summary: 'List the records', load: () => import('./consent-list.ts') },
			revoke: {
				summary: 'End consent, remove the identity, and tell what was painted under it',
				load: () => import('./consent-revoke.ts'),
			},
			erase: {
				summary: 'Revoke, and remove all but what the log has',
				load: () => import('./consent-erase.ts'),
			},
			export: {
				summary: 'Write out records and log, of one subject or of all, without identities',
				load: () => import('./consent-export.ts'),
			},
			audit: {
				summary: 'Check that nothing in the ledger was changed, removed or reordered',
				load: () => import('./consent-audit.ts'),
			},
		},
	},
	deny: {
		summary: 'Keep a list of people who must not be painted',
		commands: {
			add: { summary: 'Put a person on the list', load: () => import('./deny-add.ts') },
			remove: { summary: 'Take a person off the list', load: () => import('./deny-remove.ts') },
			list: { summary: 'List who is on it', load: () => import('./deny-list.ts') },
		},
	},
	serve: {
		summary: 'Serve a model over HTTP: an API, and a page for people',
		load: () => import('./serve.ts'),
	},
	worker: {
		summary: 'Paint the jobs that servers keep in Redis',
		load: () => import('./worker.ts'),
	},
	keys: {
		summary: 'Keep the API keys of a server',
		commands: {
			add: { summary: 'Make a key for a client, and show it once', load: () => import('./keys-add.ts') },
			list: { summary: 'List who has a key', load: () => import('./keys-list.ts') },
			remove: { summary: 'Take the key from a client', load: () => import('./keys-remove.ts') },
		},
	},
	engines: {
		summary: 'Build the engines of a model ahead of its first load on a GPU, list those in the cache, or delete them',
		commands: {
			build: {
				summary: 'Build what is missing in the cache, as the first load with these options would',
				load: () => import('./engines-build.ts'),
			},
			list: { summary: 'List the engines in the cache', load: () => import('./engines-list.ts') },
			clean: {
				summary: 'Delete what interrupted builds have left, and engines if asked to',
				load: () => import('./engines-clean.ts'),
			},
		},
	},
	doctor: {
		summary: 'Tell what this machine can run, on which device and why, and what is missing',
		load: () => import('./doctor.ts'),
	},
} as const satisfies CommandTable;
