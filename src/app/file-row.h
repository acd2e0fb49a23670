/* A row that names a file: what is taken where none is chosen, a button that chooses one, and one
 * that goes back. */
#pragma once

#include <adwaita.h>

#define CS_TYPE_FILE_ROW (cs_file_row_get_type ())
G_DECLARE_FINAL_TYPE (CsFileRow, cs_file_row, CS, FILE_ROW, AdwActionRow)

/* Signals: "file-changed". title: of the row; chooser: of the file chooser; fallback: what is said
 * while no file is chosen. */
GtkWidget *cs_file_row_new (const char *title, const char *chooser, const char *fallback);
const char *cs_file_row_path (CsFileRow *self); /* owned by the row; NULL where none is chosen */
/* As if it had been chosen; NULL goes back. */
void cs_file_row_set_path (CsFileRow *self, const char *path);
