// Data sources over files, for Node.

export type { DataBinding, DataFiles } from '../../../ir/index.ts';
export { DataFolder, type MemberNumber } from './open.ts';
