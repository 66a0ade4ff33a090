/** The table of all families. A new family is a record in a file of its own and a line here. */
import {
  type Continued,
  type ContinueRequest,
  type Downstream,
  type DownstreamRequest,
  type Family,
  type Kind,
  type Spec,
  type Variation,
} from "./family.ts";
import { NNUNET_FAMILY } from "./nnunet.ts";
import { ONNX_FAMILY } from "./onnx.ts";
import { UNET3D_FAMILY } from "./unet3d.ts";
import { UNIFORMER_FAMILY } from "./uniformer.ts";

const FAMILIES = { uniformer: UNIFORMER_FAMILY, unet3d: UNET3D_FAMILY, nnunet: NNUNET_FAMILY, onnx: ONNX_FAMILY };

type Families = typeof FAMILIES;
export type NetworkKind = { [F in keyof Families]: keyof Families[F]["kinds"] }[keyof Families];

/** A network by its kind, as a model package names it. */
export type NetworkSpec = Spec<NetworkKind>;

/** A family for readers that hold a kind of whichever family. */
export type AnyFamily = Omit<Family<NetworkKind>, "kinds">;

const ALL: readonly AnyFamily[] = Object.values(FAMILIES);
const FAMILY_OF = new Map<string, { readonly family: AnyFamily; readonly kind: Kind }>(
  Object.values(FAMILIES).flatMap((family) =>
    Object.entries(family.kinds).map(([name, kind]) => [name, { family, kind }] as const)
  ),
);

/** Every kind of network. */
export const NETWORK_KINDS = [...FAMILY_OF.keys()] as [NetworkKind, ...NetworkKind[]];

function find(kind: string): { readonly family: AnyFamily; readonly kind: Kind } {
  const found = FAMILY_OF.get(kind);
  if (found !== undefined) return found;
  throw new TypeError(`Cannot find a network: expected one of ${NETWORK_KINDS.join(", ")}, got ${kind}`);
}

/** The family of a kind. @throws {TypeError} unknown kind */
export const familyOf = (kind: NetworkKind): AnyFamily => find(kind).family;

/** The record of a kind. @throws {TypeError} unknown kind */
export const kindOf = (kind: NetworkKind): Kind => find(kind).kind;

/** Families whose weights come in official files without a graph. */
export const CHECKPOINT_FAMILIES = ALL.flatMap(({ checkpoint }) => checkpoint ?? []);

/** Kinds that pre-training can make. */
export const PRETRAINING_KINDS = NETWORK_KINDS.filter((kind) => kindOf(kind).pretrains);

/** The network of `base` in the form that a training asks for. */
export function varied(base: NetworkSpec, variation: Variation): NetworkSpec {
  return { ...base, config: familyOf(base.kind).varied?.(base.config, variation) ?? base.config };
}

/** The network for a task around the encoder of `base`. @throws {TypeError} the configuration of `base` is wrong */
export function downstream(base: NetworkSpec, request: DownstreamRequest): Downstream<NetworkKind> {
  return familyOf(base.kind).downstream(base, request);
}

/** The network of `base` with its own decoder and head. @throws {TypeError} the configuration of `base` is wrong */
export function continued(base: NetworkSpec, request: ContinueRequest): Continued<NetworkKind> {
  const { continued } = familyOf(base.kind);
  if (continued !== undefined) return continued(base, request);
  return { spec: base, net: () => ({ net: kindOf(base.kind).net(base.config), takenOff: null }) };
}
