-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE users ADD PRIMARY KEY (id), ADD UNIQUE (email);
