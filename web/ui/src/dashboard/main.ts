import '../tokens.css';
import '../base.css';
import 'uplot/dist/uPlot.min.css';

import { mount } from 'svelte';

import { ServerMessenger } from '../messenger/server.ts';
import Dashboard from './Dashboard.svelte';

mount(Dashboard, { target: document.getElementById('app')!, props: { messenger: new ServerMessenger() } });
