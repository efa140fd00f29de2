/** Text from outside as PostgreSQL can keep it: everything but NUL. */
export const withoutNul = (text: string): string => text.replaceAll('\u0000', '\ufffd');
