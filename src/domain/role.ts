/** Roles of the staff, which uses the operators' pages. */
export const STAFF_ROLES = ['administrator', 'support', 'billing', 'read-only'] as const;
export type StaffRole = (typeof STAFF_ROLES)[number];
export type Role = 'customer' | StaffRole;

/** The kinds of things that staff does. */
export type Permission = 'read' | 'money' | 'credentials' | 'operation';

const ROLES_WITH: Record<Permission, readonly StaffRole[]> = {
  read: STAFF_ROLES,
  money: ['administrator', 'billing'],
  credentials: ['administrator', 'support'],
  operation: ['administrator'],
};

/** Whether a role may do things of a kind on the operators' pages; a customer may do nothing. */
export function mayDo(role: Role, permission: Permission): boolean {
  return role !== 'customer' && ROLES_WITH[permission].includes(role);
}
