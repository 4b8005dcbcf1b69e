/** The topic of a station's state, of those that keep one. */
import type { Flow, StationSpec } from '@quadrille/flow';
import { stateTopic } from '@quadrille/record';

export const stateTopicOf = (flow: Pick<Flow, 'name'>, spec: StationSpec): string | undefined =>
  spec.kind === 'transformer' && spec.stateful !== undefined ? stateTopic(flow.name, spec.name) : undefined;
