#pragma once

/* From here on every block has a fence; before, while libraries start up, blocks lie side by side. */
void h5_check_begin_fencing (void);
