import '../tokens.css';
import '../base.css';

import { mount } from 'svelte';

import { ServerMessenger } from '../messenger/server.ts';
import Demo from './Demo.svelte';

mount(Demo, { target: document.getElementById('app')!, props: { messenger: new ServerMessenger() } });
