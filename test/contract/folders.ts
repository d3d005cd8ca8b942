/** What of the catalog contract does not apply where namespaces and tables are folders, by the names of the tests. */
const FOLDERS = 'a table is the folder of its name'
export const FOLDERS_WITHOUT: Readonly<Record<string, string>> = {
  'are made, listed, read and dropped': 'folders have no properties',
  'change their properties; a key cannot be removed and set at once; missing removals are no error':
    'folders have no properties',
  'stay when their last property is removed': 'folders have no properties',
  'have names with spaces, slashes and letters of any script': 'folders have no slashes in their names',
  'are renamed, into another namespace too, and keep their history': FOLDERS,
  'are not renamed onto another table, out of nothing, or into a missing namespace': FOLDERS,
  'get a folder of their own by default, also where a renamed table left its files': FOLDERS,
  'live where the namespace says': FOLDERS,
  'are registered from a metadata file, and not over another table': FOLDERS,
  'give way to other metadata that is registered over them; their files stay, their commits lose': FOLDERS,
  'are made by registering over nothing, in a namespace that is there': FOLDERS,
  'that are registered over while others write them hold nothing of the writers': FOLDERS,
  'are unregistered with their last state, from which they go on elsewhere': FOLDERS,
  'that are unregistered while others write them have every commit that landed': FOLDERS,
  'delete what fell off the metadata log when the table says so':
    'the names of old versions stay taken; the files are emptied',
  'whose metadata file is gone are not found, but listed and droppable': 'the file is the entry',
}
