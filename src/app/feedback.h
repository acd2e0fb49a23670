/* Telling the user: toasts of the window that a widget is in, and numbers as people read them. */
#pragma once

#include <adwaita.h>

void  cs_feedback_toast (GtkWidget *widget, const char *text);
/* With a button that activates `action` (detailed name), such as Undo. */
void  cs_feedback_toast_action (GtkWidget *widget, const char *text, const char *button, const char *action);
/* With an Undo button that calls func; data is freed when the toast is gone. */
void  cs_feedback_toast_undo (GtkWidget *widget, const char *text, void (*func) (void *data), void *data,
                              GDestroyNotify free_data);
/* Shows the sentence of error, which is freed and cleared. */
void  cs_feedback_error (GtkWidget *widget, GError **error);

char *cs_feedback_count (double n);            /* "1.4 M", "12,345" */
char *cs_feedback_bytes (double bytes);        /* "5.6 MB" */
char *cs_feedback_duration (double seconds);   /* "2 min 5 s" */
