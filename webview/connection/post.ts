import type { FromConnectionPage } from '../../src/shared/connectionProtocol';

export type Post = (message: FromConnectionPage) => void;
