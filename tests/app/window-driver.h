/* What the tests of the window share: a window on a virtual display, waiting with a deadline, pictures. */
#pragma once

#include "application.h"
#include "window.h"

typedef bool (*DriverCondition) (void *data);

/* The application, registered and the default one, so that app.* actions and recent studies work. */
CsApplication *driver_application (void);
/* A window of that size, presented and drawn once. */
CsWindow *driver_window (int width, int height);
/* Closes it, cancelling its jobs, and waits until it is gone. */
void driver_close (CsWindow *window);

/* Runs the main loop until the condition holds; false when `seconds` have passed before. */
bool driver_wait (DriverCondition condition, void *data, double seconds);
/* Runs the main loop for that long. */
void driver_settle (double seconds);

/* First descendant (depth first, the widget itself included) of a type that satisfies match (NULL: any); NULL if none. */
GtkWidget *driver_find (GtkWidget *root, GType type, bool (*match) (GtkWidget *widget, const void *data), const void *data);
GtkWidget *driver_find_button (GtkWidget *root, const char *label);
/* First visible label that holds the text. */
GtkWidget *driver_find_text (GtkWidget *root, const char *text);

/* Saves what the widget shows as PNG; false when it has never been drawn. */
bool driver_picture (GtkWidget *widget, const char *file);
