// Two votes: one asks more members than there are, the other closes before it has what it needs.
import { bool, cohort, collect, float32, input, module, on, output, peer } from 'bytesandbrains';

const judges = cohort('judge');
const clerk = peer('clerk');

export default module('quorum', () => {
  const claim = input('claim', bool, [], { at: judges.each });
  const vote = on(judges.each, () => claim.cast({ to: float32 }));
  const early = collect({ vote }, { at: clerk, within: '5s', enough: 2, atLeast: 3 }); // fault: quorum-above-cohort
  const all = collect({ vote }, { at: clerk, within: '5s', atLeast: 7 }); // fault: quorum-above-cohort
  output(
    'early',
    on(clerk, () => early.vote.reduceMean()),
  );
  output(
    'all',
    on(clerk, () => all.vote.reduceMean()),
  );
});
