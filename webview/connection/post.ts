import type { FromConnectionPage } from '../../src/shared/connectionRequests';

export type Post = (message: FromConnectionPage) => void;
