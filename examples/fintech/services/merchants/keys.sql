-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE merchants ADD PRIMARY KEY (id);
