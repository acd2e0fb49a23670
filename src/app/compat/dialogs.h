/* The only place with dialogs that newer GTK and libadwaita replace. All are asynchronous; the callback runs on the main
 * thread with NULL or false where the user backed out. */
#pragma once

#include <adwaita.h>

typedef void (*CsFileChosenFunc) (GtkWidget *widget, const char *path, void *data);
typedef void (*CsConfirmFunc) (GtkWidget *widget, bool confirmed, void *data);

typedef enum { CS_CHOOSE_FOLDER, CS_CHOOSE_FILE, CS_CHOOSE_SAVE } CsChooseKind;

/* suggested: a name for CS_CHOOSE_SAVE, or NULL. widget has to be in a window and outlive the dialog. */
void cs_compat_choose (GtkWidget *widget, CsChooseKind kind, const char *title, const char *accept,
                       const char *suggested, CsFileChosenFunc func, void *data);
void cs_compat_confirm (GtkWidget *widget, const char *heading, const char *body, const char *confirm,
                        bool destructive, CsConfirmFunc func, void *data);
