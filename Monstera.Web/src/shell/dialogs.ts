export type DialogName = 'switcher' | 'help' | 'settings' | 'create' | 'browse' | 'direct' | 'invites';
