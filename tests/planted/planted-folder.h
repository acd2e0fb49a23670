/* A temporary folder of a test. */
#pragma once

char *planted_folder_new (void);           /* free with planted_folder_remove() */
void planted_folder_remove (char *folder); /* with all that is in it */
char *planted_path (const char *folder, const char *name);
