export { secureAggregator } from './component.ts';
export { secureAggregation } from './declaration.ts';
