// What stands between a call and its images: the ledger and the deny list of its model.
import type { Identity } from '../identity.ts';
import {
	type AskedConsent,
	type Consents,
	type Denials,
	denials,
	type Person,
	type RequireNone,
} from '../options/consent.ts';
import type { Recipe } from '../options/recipe.ts';

/** Least similarities by which somebody is recognised, unless the ledger or the list has its own. */
export type Thresholds = Readonly<{
	/** As the person of a record: rather too high, as nobody is to be painted by another's consent. */
	consent: number;
	/** As a person on the deny list: rather too low. */
	denial: number;
}>;

/** docs/consent.md tells where these numbers are from. */
export const embeddedThresholds: Thresholds = { consent: 0.636, denial: 0.55 };
export const usualThresholds: Thresholds = { consent: 0.5, denial: 0.4 };

/** What a call says, with the subject of each identity. */
export type Claim = AskedConsent & Readonly<{ subjects: readonly (string | undefined)[] }>;

/** The people who are shown in the photos of a call, each with the index of the identity whose images alone the photo is for. */
export type Shown = readonly (Required<Pick<Person, 'embedding' | 'photo'>> & Readonly<{ of?: number }>)[];

/** A call that may go on. */
export interface Admission {
	/** Who is shown in the photos that images begin as, or refer to. @throws as {@link Gate.admit} */
	admitPhotos(shown: Shown): Promise<void>;
	/** Before images are shown that are not painted yet. */
	logPreviews(): Promise<void>;
	/**
	 * Before an image is handed out.
	 *
	 * @param index - of its identity
	 * @param recipe - tells it; rejects if none does
	 */
	log(index: number, recipe: () => Promise<Recipe | undefined>): Promise<void>;
}

export class Gate {
	readonly #consent: Consents | undefined;
	readonly #requireNone: RequireNone | undefined;
	readonly #thresholds: Thresholds;

	constructor(
		{ consent, denyList }: { consent?: Consents | undefined; denyList?: Denials | undefined },
		thresholds: Thresholds,
	) {
		this.#consent = consent;
		this.#requireNone = denyList && denials.get(denyList);
		this.#thresholds = thresholds;
	}

	/** Whether calls have to name a purpose. */
	get asksConsent(): boolean {
		return this.#consent !== undefined;
	}

	/** Whether there is anything to ask. */
	get isClosed(): boolean {
		return this.#consent !== undefined || this.#requireNone !== undefined;
	}

	/**
	 * @param claim - of a model with a ledger
	 * @throws {Arc2FaceError} `DENIED`; `CONSENT_REQUIRED`; `LEDGER_DAMAGED`; `FILE_FAILED`
	 */
	async admit(identities: readonly Identity[], claim: Claim | undefined): Promise<Admission> {
		const people = identities.map(({ embedding }, index) => ({
			...{ embedding, subject: claim?.subjects[index] },
			...(identities.length > 1 && { index }),
		}));
		const asked = claim && { purpose: claim.purpose, scope: claim.scope };
		const ask = async (shown: Shown) => {
			await this.#requireNone?.([...people, ...shown], this.#thresholds.denial);
			return asked && (await this.#consent?.permit([...people, ...shown], asked, this.#thresholds.consent));
		};
		let records = await ask([]);
		let photos: Shown = [];
		// Of the identity, and of who is shown in photos that its images are painted from.
		const recordsOf = (index: number) => {
			const isOf = (photo: Shown[number]) => photo.of === undefined || photo.of === index;
			return [records![index]!, ...records!.slice(people.length).filter((_, i) => isOf(photos[i]!))];
		};
		return {
			admitPhotos: async (shown) => {
				records = await ask(shown);
				photos = shown;
			},
			logPreviews: async () => {
				if (records && asked) await this.#consent?.logPreviews(records, asked);
			},
			log: async (index, recipe) => {
				if (records && asked) await this.#consent?.logPainted(recordsOf(index), asked, await recipe());
			},
		};
	}

	/** @throws {Arc2FaceError} `LEDGER_DAMAGED`; `FILE_FAILED` */
	async logEncoded({ embedding }: Identity): Promise<void> {
		await this.#consent?.logEncoded(embedding, this.#thresholds.consent);
	}
}
